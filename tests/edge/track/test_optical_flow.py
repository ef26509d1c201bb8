import cv2
import numpy as np
import pytest

from edge.geometry import Box
from edge.track.motion import track_box
from edge.types import GrayImage, Image

BOX = Box(103.0, 55.0, 233.0, 185.0)
"""Around the face of the built-in clip, at half its size."""


@pytest.fixture
def gray(clip: list[Image]) -> GrayImage:
    small = cv2.resize(clip[0], (320, 240))
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def moved(gray: GrayImage, right: float, down: float, scale: float = 1.0) -> GrayImage:
    """Return the image enlarged about its corner, then pushed."""
    matrix = np.array([[scale, 0, right], [0, scale, down]])
    turned = cv2.warpAffine(gray, matrix, (320, 240), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, dtype=np.uint8)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (-5, 4), (0.5, -0.5), (9, 9)])
def test_a_face_is_tracked_where_it_goes(gray: GrayImage, right: float, down: float) -> None:
    shift = track_box(gray, moved(gray, right, down), BOX)
    assert shift is not None
    center = BOX.moved(shift).center
    assert center.x == pytest.approx(BOX.center.x + right, abs=0.3)
    assert center.y == pytest.approx(BOX.center.y + down, abs=0.3)


def test_a_face_that_comes_nearer_grows(gray: GrayImage) -> None:
    shift = track_box(gray, moved(gray, 0, 0, scale=1.04), BOX)
    assert shift is not None
    assert shift.scale == pytest.approx(1.04, abs=0.01)
    assert BOX.moved(shift).center.x == pytest.approx(1.04 * BOX.center.x, abs=0.5)


def test_a_face_that_is_hidden_at_once_is_lost(gray: GrayImage) -> None:
    hidden = np.random.default_rng(0).integers(0, 255, gray.shape, dtype=np.uint8)
    assert track_box(gray, hidden, BOX) is None


def test_a_face_that_something_like_it_covers_is_lost(gray: GrayImage) -> None:
    covered = gray.copy()
    rows, columns = slice(55, 185), slice(103, 233)
    covered[rows, columns] = cv2.GaussianBlur(gray[rows, columns][::-1, ::-1], (0, 0), 4)
    assert track_box(gray, covered, BOX) is None


@pytest.mark.parametrize(
    "box", [Box(400, 300, 500, 400), Box(-90, -90, -10, -10), Box(100, 100, 103, 103)]
)
def test_a_face_outside_the_image_or_too_small_is_lost(gray: GrayImage, box: Box) -> None:
    assert track_box(gray, gray, box) is None
