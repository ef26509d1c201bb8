"""Video files: what their header says, and annotated copies, whole or not at all."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edge.capture.video import probe_video
from edge.commands.demo import CLIP
from edge.config import parse_config
from edge.errors import EmotiondError, InputError
from edge.geometry import Box
from edge.offline.video import (
    VideoJob,
    analyze_video,
    annotated_copy,
)
from edge.types import Image
from edge.view import PrivacyBlur
from tests.edge.view.scenes import expression, scene
from tests.films import FPS, cut, frames_of, with_sound
from tools.video_table import KINDS, played

CONFIG = parse_config({"sinks": []}, Path("/config.yaml"))

FACE = expression(Box(200.0, 100.0, 300.0, 200.0), "happy")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return cut(tmp_path / "film.mp4", 20)


def copy(film: Path, path: Path, frames: list[Image], blur: PrivacyBlur = PrivacyBlur.NONE) -> Path:
    """Write an annotated copy of frames, in each of which there is one face."""
    with annotated_copy(film, path, blur) as write:
        for index, frame in enumerate(frames):
            write(scene(FACE, image=frame, timestamp=index / FPS))
    return path


def probe(path: Path) -> dict[str, Any]:
    """Return what ffprobe says of the streams of a film, by their kind."""
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {stream["codec_type"]: stream for stream in told["streams"]}


def test_a_copy_has_every_frame_in_its_size_at_its_rate(film: Path, tmp_path: Path) -> None:
    frames = frames_of(film)
    path = copy(film, tmp_path / "copy.mp4", frames)
    assert len(frames_of(path)) == len(frames) == 20
    assert probe_video(path) == probe_video(film) == 20
    assert probe(path)["video"]["avg_frame_rate"] == "25/1"


def test_faces_are_drawn_into_it(film: Path, tmp_path: Path) -> None:
    frames = frames_of(film)
    copied = frames_of(copy(film, tmp_path / "copy.mp4", frames))
    yellow = np.abs(copied[5].astype(int)[150, 198:203] - (66, 228, 240)).max(axis=1).min()
    assert yellow < 70  # of the left line; colours are coded at half the size
    assert np.abs(copied[5].astype(int) - frames[5])[300:, 400:].mean() < 6


def test_nothing_is_left_beside_it(film: Path, tmp_path: Path) -> None:
    copy(film, tmp_path / "copy.mp4", frames_of(film))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.mp4", "film.mp4"]


def test_where_the_block_ends_by_an_error_there_is_no_copy(film: Path, tmp_path: Path) -> None:
    def break_off() -> None:
        with annotated_copy(film, tmp_path / "copy.mp4", PrivacyBlur.NONE) as write:
            write(scene(FACE, image=frames_of(film)[0]))
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_what_cannot_be_written_is_an_error_that_names_it(film: Path, tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match=r"copy\.mp4: cannot be written: No such file"):
        copy(film, tmp_path / "gone" / "copy.mp4", frames_of(film))


def test_faces_are_hidden_where_that_is_asked_for(film: Path, tmp_path: Path) -> None:
    copied = frames_of(copy(film, tmp_path / "copy.mp4", frames_of(film), PrivacyBlur.FRAME))
    assert copied[5][300:, 400:].astype(int).std() < 3


def test_odd_sizes_lose_a_line_and_a_column(film: Path, tmp_path: Path) -> None:
    frames = [np.ascontiguousarray(frame[:301, :401]) for frame in frames_of(film)]
    copied = frames_of(copy(film, tmp_path / "copy.mp4", frames))
    assert len(copied) == 20
    assert copied[0].shape == (300, 400, 3)


def test_it_plays_in_browsers_and_keeps_the_sound(film: Path, tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    loud = with_sound(film, tmp_path / "loud.mp4")
    streams = probe(copy(loud, tmp_path / "copy.mp4", frames_of(film)))
    assert (streams["video"]["codec_name"], streams["video"]["pix_fmt"]) == ("h264", "yuv420p")
    assert streams["audio"]["codec_name"] == "aac"
    assert set(probe(copy(film, tmp_path / "mute.mp4", frames_of(film)))) == {"video"}


def test_a_film_says_its_length() -> None:
    assert probe_video(CLIP) == 475


def test_what_is_no_film_is_an_error_that_names_it(tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Sir or Madam")
    with pytest.raises(InputError, match=r"letter\.mp4: cannot be read as a video"):
        probe_video(letter)
    with pytest.raises(InputError, match=r"gone\.mp4: cannot be read as a video: No such file"):
        probe_video(tmp_path / "gone.mp4")


@pytest.mark.parametrize("name", ["turned90.mp4", "wide.mp4", "variable.mkv"])
def test_the_copy_of_a_film_is_shown_as_the_film_is(name: str, tmp_path: Path) -> None:
    (kind,) = [kind for kind in KINDS if kind.name == name]
    kind.make(tmp_path / name)
    analyze_video(VideoJob(tmp_path / name, CONFIG, tmp_path / "copy.mp4"))
    original, copied = played(tmp_path / name), played(tmp_path / "copy.mp4")
    height, width = original.images[0].shape[:2]
    assert copied.images[0].shape == (height, width // 2 * 2, 3)
    for image, second in zip(copied.images, copied.times, strict=True):
        place = int(np.searchsorted(original.times, second + 0.01)) - 1
        expected = original.images[place][:, : width // 2 * 2].astype(int)
        assert np.abs(image - expected).mean() < 12, f"at {second} s"


FLASHES = (
    "color=black:s=160x120:r=25:d=4,geq=lum='if(lt(mod(T,1),.2)*gte(T,.9),235,16)':cb=128:cr=128"
)
BEEPS = "aevalsrc='if(lt(mod(t,1),.2)*gte(t,.9),sin(6283*t),0)':s=48000:d=4"
"""An image and a tone that begin together at seconds 1, 2 and 3, for a fifth of a second."""


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", *map(str, arguments)], check=True)


def flashes_and_beeps(path: Path) -> tuple[list[float], list[float]]:
    """Return when images become bright, and when it becomes loud, in seconds."""
    seen = played(path)
    bright = np.array([image.mean() for image in seen.images]) > 120
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        begin = float((stream.start_time or 0) * (stream.time_base or 0))
    flashes = [
        begin + seen.times[one + 1] for one in np.flatnonzero(np.diff(bright.astype(int)) > 0)
    ]
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-af", "aresample=async=1:first_pts=0"]
    command += ["-ac", "1", "-ar", "8000", "-f", "f32le", "-"]
    samples = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "f4")
    loud = np.abs(samples[: len(samples) // 80 * 80]).reshape(-1, 80).max(axis=1) > 0.2
    return flashes, (np.flatnonzero(np.diff(loud.astype(int)) > 0) / 100 + 0.01).tolist()


@pytest.mark.parametrize("kind", ["joined.ts", "late.mkv", "copied.avi"])
def test_image_and_sound_of_a_copy_stay_together(kind: str, tmp_path: Path) -> None:
    made, path, whole = tmp_path / "made.ts", tmp_path / kind, [1.0, 2.0, 3.0]
    ffmpeg("-f", "lavfi", "-i", FLASHES, "-f", "lavfi", "-i", BEEPS, "-c:v", "libx264", made)
    if kind == "joined.ts":
        path.write_bytes(made.read_bytes() * 2)
        whole += [5.0, 6.0, 7.0]
    elif kind == "late.mkv":  # the images are
        ffmpeg("-i", made, "-itsoffset", "0.5", "-i", made, "-map", "1:v", "-map", "0:a", path)
    else:
        ffmpeg("-i", made, "-c", "copy", path)
    result = analyze_video(VideoJob(path, CONFIG, tmp_path / "copy.mp4"))
    assert result.error is None
    flashes, beeps = flashes_and_beeps(tmp_path / "copy.mp4")
    assert beeps == pytest.approx(whole, abs=0.07)
    late = 0.5 if kind == "late.mkv" else 0.0
    assert flashes == pytest.approx([second + late for second in whole], abs=0.07)
