from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from edge.detect.image_ops import shrink_by_mean
from edge.geometry import Box
from edge.track.motion import CELLS, is_cut, max_change, track_box
from edge.types import GrayImage, Image


def noise(seed: int) -> GrayImage:
    """Return a gray image with the noise of a webcam."""
    values = np.random.default_rng(seed).normal(120, 2, (240, 320))
    return np.clip(values, 0, 255).astype(np.uint8)


def change(before: GrayImage, after: GrayImage, outside: Sequence[Box] = ()) -> float:
    """Return the largest change between two images, of one shape or not."""
    height, width = after.shape
    cells, reference = (shrink_by_mean(gray, CELLS) for gray in (after, before))
    return max_change(cells, reference, (width, height), outside)


def test_the_noise_of_a_camera_is_hardly_motion() -> None:
    assert change(noise(0), noise(1)) <= 5.0


def test_a_small_thing_that_moves_is_motion() -> None:
    after = noise(1)
    after[100:112, 200:212] += 40
    assert change(noise(0), after) > 20.0


def test_images_of_another_shape_are_compared_all_the_same() -> None:
    small = np.zeros((10, 10), dtype=np.uint8)
    assert change(np.zeros((240, 320), dtype=np.uint8), small) == 0.0


def test_motion_inside_known_boxes_is_not_outside() -> None:
    before, after = noise(0), noise(1)
    after[100:112, 200:212] += 40
    assert change(before, after, [Box(190, 90, 220, 120)]) <= 5.0
    assert change(before, after, [Box(0, 0, 60, 60)]) > 20.0


def test_a_box_that_reaches_beyond_the_image_hides_what_is_in_it() -> None:
    before, after = noise(0), noise(1)
    after[:10, :10] += 40
    assert change(before, after, [Box(-50, -50, 12, 12)]) <= 5.0
    assert change(before, after, [Box(-50, -50, -10, -10), Box(400, 300, 500, 400)]) > 20.0


def room(seed: int) -> GrayImage:
    """Return a blurred image with lights and shadows of its own."""
    rng = np.random.default_rng(seed)
    coarse = (255 * rng.random((6, 8)) ** rng.uniform(0.5, 2)).astype(np.uint8)
    return np.kron(coarse, np.ones((40, 40), dtype=np.uint8))


def test_another_shot_is_a_cut() -> None:
    assert all(is_cut(room(seed), room(seed + 1)) for seed in range(0, 20, 2))


def test_what_moves_in_a_shot_is_no_cut() -> None:
    before = room(0)
    after = np.roll(before, 12, axis=1)
    after[60:180, 100:200] = 200
    assert not is_cut(before, after)
    assert not is_cut(noise(0), noise(1))


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
