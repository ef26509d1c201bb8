from pathlib import Path

import pytest

from edge.commands.demo import CLIP
from edge.errors import InputError
from edge.offline.video_info import probe_video


def test_a_film_says_its_size_and_length() -> None:
    measure = probe_video(CLIP)
    assert (measure.width, measure.height, measure.fps, measure.frames) == (640, 480, 25.0, 475)


def test_what_is_no_film_is_an_error_that_names_it(tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Sir or Madam")
    with pytest.raises(InputError, match=r"letter\.mp4: cannot be read as a video"):
        probe_video(letter)
    with pytest.raises(InputError, match=r"gone\.mp4: there is no such file"):
        probe_video(tmp_path / "gone.mp4")
