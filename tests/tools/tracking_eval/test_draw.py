from pathlib import Path

import cv2
import numpy as np

from edge.commands.demo_run import CLIP
from edge.geometry import KeyPoints, Point
from edge.types import UNCERTAIN, Expression, Image, Reason, Track
from tests.tools.tracking_eval.results import QUALITY, box, face, said, track
from tools.tracking_eval.clips import Reel
from tools.tracking_eval.draw import FOLLOWED, FOUND, POINT, caption, draw, write_picture
from tools.tracking_eval.ground_truth import Scene
from tools.tracking_eval.runner import Sight, Watched

DARK = np.zeros((480, 960, 3), dtype=np.uint8)


def has(picture: Image, colour: tuple[int, int, int]) -> bool:
    return bool((picture == colour).all(axis=2).any())


def test_detections_tracks_and_key_points_are_drawn_each_in_its_colour() -> None:
    eyes = KeyPoints(Point(80, 90), Point(120, 90), Point(100, 110), Point(100, 130))
    followed = Track(1, box(100), True, eyes)
    picture = draw(DARK, Sight(0.0, (face(500),), (followed,)))
    assert has(picture, FOUND)
    assert has(picture, FOLLOWED)
    assert has(picture, POINT)


def test_the_frame_itself_is_left_as_it_was() -> None:
    draw(DARK, Sight(0.0, (face(100),)))
    assert not DARK.any()


def test_a_small_frame_is_enlarged() -> None:
    assert draw(DARK[:240, :320], Sight(0.0)).shape == (720, 960, 3)


def test_a_caption_tells_id_label_and_confidence_or_why_there_is_none() -> None:
    one = track(7, 100)
    dark = Expression(one, UNCERTAIN, None, QUALITY, (Reason.DARK,))
    captions = [caption(one, told) for told in (None, said(one, "happy"), dark)]
    assert captions == ["7", "7 happy 100%", "7 uncertain dark"]


def test_the_picture_of_a_film_is_its_middle_frame(tmp_path: Path) -> None:
    sights = tuple(Sight(index / 25) for index in range(3))
    watched = Watched(Reel(CLIP, Scene()), 640, sights, detections=3, min_hits=5, min_age_s=0.0)
    write_picture(watched, tmp_path / "middle.png")
    picture = cv2.imread(str(tmp_path / "middle.png"))
    assert picture is not None
    assert picture.shape == (720, 960, 3)
