from pathlib import Path

import cv2
import numpy as np

from edge.commands.demo import CLIP
from edge.geometry import KeyPoints, Point
from edge.types import UNCERTAIN, Expression, Image, Reason, Track
from tests.tools.tracking_eval.made import QUALITY, box, face, labeled, track
from tools.tracking_eval.clips import ClipLabels, LabeledClip
from tools.tracking_eval.draw import DETECTED, LANDMARK, TRACKED, caption, draw, write_image
from tools.tracking_eval.runner import ClipResult, FrameResult

DARK = np.zeros((480, 960, 3), dtype=np.uint8)


def has(picture: Image, color: tuple[int, int, int]) -> bool:
    return bool((picture == color).all(axis=2).any())


def test_detections_tracks_and_landmarks_are_drawn_each_in_its_color() -> None:
    eyes = KeyPoints(Point(80, 90), Point(120, 90), Point(100, 110), Point(100, 130))
    tracked = Track(1, box(100), True, eyes)
    picture = draw(DARK, FrameResult(0.0, (face(500),), (tracked,)))
    assert has(picture, DETECTED)
    assert has(picture, TRACKED)
    assert has(picture, LANDMARK)


def test_the_frame_itself_is_left_as_it_was() -> None:
    draw(DARK, FrameResult(0.0, (face(100),)))
    assert not DARK.any()


def test_a_small_frame_is_enlarged() -> None:
    assert draw(DARK[:240, :320], FrameResult(0.0)).shape == (720, 960, 3)


def test_a_caption_tells_id_label_and_confidence_or_why_there_is_none() -> None:
    one = track(7, 100)
    dark = Expression(one, UNCERTAIN, None, QUALITY, (Reason.DARK,))
    captions = [caption(one, told) for told in (None, labeled(one, "happy"), dark)]
    assert captions == ["7", "7 happy 100%", "7 uncertain dark"]


def test_the_picture_of_a_film_is_its_middle_frame(tmp_path: Path) -> None:
    frames = tuple(FrameResult(index / 25) for index in range(3))
    result = ClipResult(
        LabeledClip(CLIP, ClipLabels()), 640, frames, detections=3, min_hits=5, min_age_s=0.0
    )
    write_image(result, tmp_path / "middle.png")
    picture = cv2.imread(str(tmp_path / "middle.png"))
    assert picture is not None
    assert picture.shape == (720, 960, 3)
