"""The clock of a video is sound whatever its container says of times."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge.capture.source import iter_frames
from edge.capture.video import VideoSettings
from edge.errors import InputError

FFMPEG = shutil.which("ffmpeg")

pytestmark = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")

SOURCE = "testsrc=size=160x120:rate=25:duration=3"


def make(path: Path, *arguments: str, source: str = SOURCE) -> Path:
    """Write three seconds of video at 25 frames a second."""
    assert FFMPEG is not None
    begin = [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*begin, "-pix_fmt", "yuv420p", *arguments, str(path)], check=True)
    return path


def copy(source: Path, path: Path, *arguments: str) -> Path:
    """Write the same packets into another file."""
    assert FFMPEG is not None
    command = [FFMPEG, "-v", "error", "-y", "-i", str(source), "-c", "copy", *arguments, str(path)]
    subprocess.run(command, check=True)
    return path


def times(path: Path) -> list[float]:
    return [frame.timestamp for frame in iter_frames(VideoSettings(path, realtime=False).open())]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.mov", "a.flv", "a.webm"])
def test_every_container_has_the_same_clock(tmp_path: Path, name: str) -> None:
    found = times(make(tmp_path / name))
    assert len(found) == 75
    assert found[0] == 0
    assert found == pytest.approx([index / 25 for index in range(75)], abs=0.011)


def test_a_stream_without_times_goes_by_the_rate(tmp_path: Path) -> None:
    raw = copy(make(tmp_path / "a.mp4", "-c:v", "libx264"), tmp_path / "raw.h264")
    assert times(raw) == pytest.approx([index / 25 for index in range(75)])


def test_times_that_begin_late_begin_at_nought(tmp_path: Path) -> None:
    made = make(tmp_path / "a.mkv")
    late = copy(made, tmp_path / "late.mkv", "-output_ts_offset", "60")
    assert times(late) == pytest.approx(times(made), abs=0.011)


@pytest.mark.parametrize("offset", [(), ("-output_ts_offset", "60")])
def test_a_file_that_was_cut_short_is_truncated_wherever_its_times_begin(
    tmp_path: Path, offset: tuple[str, ...]
) -> None:
    whole = copy(make(tmp_path / "a.mkv", "-g", "10"), tmp_path / "whole.mkv", *offset)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match=r"truncated: expected .* found"):
        list(VideoSettings(cut, realtime=False).frames())


def test_joined_recordings_whose_times_begin_anew_are_one_clock(tmp_path: Path) -> None:
    first = make(tmp_path / "a.ts").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first + first)
    found = times(joined)
    assert np.diff(found).min() > 0
    assert found[-1] == pytest.approx(6, abs=0.3)


def test_a_variable_rate_is_kept(tmp_path: Path) -> None:
    every = "select='lt(n,25)+not(mod(n,5))'"
    made = make(tmp_path / "a.mkv", "-vf", every, "-fps_mode", "vfr")
    found = times(made)
    assert np.diff(found)[:10] == pytest.approx(0.04, abs=0.011)
    assert np.diff(found)[-5:] == pytest.approx(0.2, abs=0.011)


def test_a_leap_of_hours_in_the_times_is_not_believed(tmp_path: Path) -> None:
    leap = "setpts='if(lt(N,30),N,N+90000*25)/25/TB'"
    made = make(tmp_path / "a.mkv", "-vf", leap, "-fps_mode", "passthrough")
    assert times(made) == pytest.approx([index / 25 for index in range(75)], abs=0.03)


def test_where_frames_have_no_times_those_of_their_packets_hold(tmp_path: Path) -> None:
    made = make(tmp_path / "a.mp4", "-c:v", "libx264", "-bf", "3")
    found = times(copy(made, tmp_path / "a.avi"))
    assert found == pytest.approx([index / 25 for index in range(75)], abs=0.011)


SOUND = ("-f", "lavfi", "-i", "sine=duration=3")


def test_sound_that_outlasts_the_images_makes_no_truncated_video(tmp_path: Path) -> None:
    silent, path = make(tmp_path / "a.mkv"), tmp_path / "loud.mkv"
    late = ["ffmpeg", "-v", "error", "-i", str(silent), "-itsoffset", "1.5", *SOUND]
    subprocess.run([*late, "-c:v", "copy", str(path)], check=True)
    assert len(list(VideoSettings(path, realtime=False).frames())) == 75


def test_images_that_begin_after_the_sound_begin_where_a_player_shows_them(tmp_path: Path) -> None:
    silent, path = make(tmp_path / "a.mkv"), tmp_path / "late.mkv"
    late = ["ffmpeg", "-v", "error", *SOUND, "-itsoffset", "0.7", "-i", str(silent)]
    subprocess.run([*late, "-c:v", "copy", str(path)], check=True)
    found = times(path)
    assert found == pytest.approx([0.7 + index / 25 for index in range(75)], abs=0.011)
