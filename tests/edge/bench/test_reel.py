from pathlib import Path

import pytest

from edge.bench.reel import Reel
from edge.capture import EndOfStream
from edge.capture.source import iter_frames
from edge.errors import InputError
from tests.films import cut


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return cut(tmp_path / "film.mp4", count=10)


def test_a_film_is_shown_again_until_so_many_frames_were_shown(film: Path) -> None:
    shown = list(iter_frames(Reel(film, 25)))
    assert [frame.index for frame in shown] == list(range(25))
    times = [frame.timestamp for frame in shown]
    assert times == sorted(times)
    assert (shown[0].image == shown[10].image).all()


def test_in_real_time_frames_come_at_the_pace_of_a_camera_on_the_monotonic_clock(
    film: Path,
) -> None:
    shown = list(iter_frames(Reel(film, 12, fps=100)))
    assert all(frame.timestamp == frame.captured for frame in shown)
    assert shown[-1].captured - shown[0].captured >= 0.10


def test_what_is_no_film_says_so(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no film")
    with pytest.raises(InputError, match="cannot be read as a video"):
        Reel(tmp_path / "no.mp4", 3).read()


def test_after_the_last_frame_it_has_ended(film: Path) -> None:
    reel = Reel(film, 1)
    reel.read()
    with pytest.raises(EndOfStream):
        reel.read()
