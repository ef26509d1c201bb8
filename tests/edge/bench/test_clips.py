from pathlib import Path

import cv2
import pytest

from edge.bench.clips import CROWD, NOBODY, ONE_FACE, film_of
from edge.commands.demo_run import CLIP
from edge.detect import BuiltinSettings, open_detector
from edge.errors import EmotiondError
from edge.types import Face


def faces_in(film: Path) -> list[Face]:
    capture = cv2.VideoCapture(str(film))
    for _ in range(5):
        _, image = capture.read()
    return open_detector(BuiltinSettings()).detect(image)  # type: ignore[arg-type]


@pytest.mark.parametrize(("scene", "count"), [(ONE_FACE, 1), (CROWD, 20), (NOBODY, 0)])
def test_a_scene_shows_as_many_faces_as_it_says(tmp_path: Path, scene: str, count: int) -> None:
    assert len(faces_in(film_of(scene, tmp_path))) == count


def test_a_film_is_made_once(tmp_path: Path) -> None:
    film = film_of(NOBODY, tmp_path)
    made = film.stat().st_mtime_ns
    assert film_of(NOBODY, tmp_path) == film
    assert film.stat().st_mtime_ns == made


def test_a_film_of_ones_own_is_checked_and_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CLIP.parent)
    assert film_of(CLIP.name, tmp_path) == CLIP
    with pytest.raises(EmotiondError, match="cannot be read as a video"):
        film_of("no.mp4", tmp_path)
