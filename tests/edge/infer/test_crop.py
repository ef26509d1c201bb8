import cv2
import numpy as np
import pytest

from edge.detect import CropCalibration
from edge.geometry import Box, KeyPoints, Point
from edge.infer.crop import crop_face, crop_gray
from edge.types import GrayImage, Image


def gradient() -> Image:
    """An image whose gray level is its column."""
    row = np.arange(100, dtype=np.uint8)
    return np.repeat(np.repeat(row[None, :, None], 80, axis=0), 3, axis=2)


def test_a_crop_of_the_models_size_is_the_pixels_themselves() -> None:
    crop = crop_gray(gradient(), Box(10, 10, 58, 58), 48)
    assert crop.dtype == np.uint8
    assert (crop == np.arange(10, 58, dtype=np.uint8)).all()


def test_other_sizes_are_scaled() -> None:
    assert crop_gray(gradient(), Box(0, 0, 80, 80), 48).shape == (48, 48)
    assert crop_gray(gradient(), Box(20, 20, 30, 30), 48).shape == (48, 48)


def test_beyond_the_frame_its_edge_is_repeated() -> None:
    crop = crop_gray(gradient(), Box(-24, -24, 24, 24), 48)
    assert (crop[:, :24] == 0).all()
    assert (crop[24] == np.maximum(np.arange(-24, 24), 0)).all()
    assert crop_gray(gradient(), Box(76, 40, 124, 88), 48)[0, -1] == 99


def test_a_square_wholly_outside_repeats_the_corner_next_to_it() -> None:
    assert (crop_gray(gradient(), Box(200, 200, 248, 248), 48) == 99).all()
    assert (crop_gray(gradient(), Box(-100, -100, -52, -52), 48) == 0).all()


def test_a_square_without_size_is_one_pixel() -> None:
    assert (crop_gray(gradient(), Box(7.1, 5, 7.2, 5.1), 48) == 7).all()


FIT = CropCalibration(1.1, 0.0, -0.05)
SIDE = 96
MIDDLE = Point(320.0, 240.0)


def tilted(clip: list[Image], degrees: float) -> tuple[Image, Box, KeyPoints]:
    """Turn the clip's face clockwise about its middle; return picture, box and key points."""
    matrix = cv2.getRotationMatrix2D((MIDDLE.x, MIDDLE.y), -degrees, 1.0)
    image = cv2.warpAffine(clip[4], matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    points = np.array([[280, 200, 1], [360, 200, 1], [320, 240, 1], [320, 290, 1]]) @ matrix.T
    box = Box(MIDDLE.x - 110, MIDDLE.y - 110, MIDDLE.x + 110, MIDDLE.y + 110)
    return np.asarray(image, dtype=np.uint8), box, KeyPoints(*(Point(*row) for row in points))


def likeness(one: GrayImage, other: GrayImage) -> float:
    """Return the correlation of two pictures."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("degrees", [-40, -15, 15, 40])
def test_a_tilted_face_is_turned_until_its_eyes_are_level(
    clip: list[Image], degrees: float
) -> None:
    upright = crop_face(*tilted(clip, 0.0), FIT, SIDE)
    assert likeness(crop_face(*tilted(clip, degrees), FIT, SIDE), upright) > 0.97
    image, box, _ = tilted(clip, degrees)
    assert likeness(crop_face(image, box, None, FIT, SIDE), upright) < 0.95


def test_a_face_tilted_as_little_as_those_of_the_training_is_left_as_it_is(
    clip: list[Image],
) -> None:
    image, box, points = tilted(clip, 6.0)
    plain = crop_gray(image, FIT.square(box), SIDE)
    assert (crop_face(image, box, points, FIT, SIDE) == plain).all()


def test_a_tilted_face_at_the_edge_of_the_frame_is_cropped_all_the_same(clip: list[Image]) -> None:
    image, _, points = tilted(clip, 30.0)
    for box in (Box(-60, -60, 40, 40), Box(600, 440, 700, 540), Box(5, 5, 6, 6)):
        assert crop_face(image, box, points, FIT, 48).shape == (48, 48)
