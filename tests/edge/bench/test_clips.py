from pathlib import Path

import cv2
import pytest

from edge.bench.clips import CROWD, NOBODY, ONE_FACE, clip_of
from edge.commands.demo import CLIP
from edge.detect import open_detector
from edge.detect.builtin import BuiltinSettings
from edge.errors import EmotiondError
from edge.types import Face


def faces_in(video: Path) -> list[Face]:
    capture = cv2.VideoCapture(str(video))
    for _ in range(5):
        _, image = capture.read()
    return open_detector(BuiltinSettings()).detect(image)  # type: ignore[arg-type]


@pytest.mark.parametrize(("scene", "count"), [(ONE_FACE, 1), (CROWD, 20), (NOBODY, 0)])
def test_a_scene_shows_as_many_faces_as_it_says(tmp_path: Path, scene: str, count: int) -> None:
    assert len(faces_in(clip_of(scene, tmp_path))) == count


def test_a_clip_is_made_once(tmp_path: Path) -> None:
    video = clip_of(NOBODY, tmp_path)
    made = video.stat().st_mtime_ns
    assert clip_of(NOBODY, tmp_path) == video
    assert video.stat().st_mtime_ns == made


def test_a_clip_of_ones_own_is_checked_and_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CLIP.parent)
    assert clip_of(CLIP.name, tmp_path) == CLIP
    with pytest.raises(EmotiondError, match="cannot be read as a video"):
        clip_of("no.mp4", tmp_path)
