import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detect import open_detector
from edge.detect.haar import HaarSettings
from edge.geometry import NOSE, Box, CropCalibration, KeyPoints, Point
from edge.infer.crop import (
    QualitySettings,
    crop_face,
    crop_gray,
    find_quality_issues,
    measure_quality,
)
from edge.types import GrayImage, Image, Quality, Reason


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


SQUARE = Box(0, 0, 100, 100)
GOOD = Quality(size=100, sharpness=0.1, brightness=120, contrast=45, yaw=0.0, roll=0.0)


def face_of(image: Image) -> GrayImage:
    """Return the one face of a frame, 48 pixels wide and high."""
    haar = open_detector(HaarSettings())
    (face,) = haar.detect(image)
    return crop_face(image, face.box, None, haar.crop_fit, 48)


def sharpness(crop: GrayImage) -> float:
    return measure_quality(crop, SQUARE, None).sharpness


def motion(crop: GrayImage, degrees: float, length: int = 9) -> GrayImage:
    """Blur a picture along one direction."""
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    middle = (length // 2, length // 2)
    turned = cv2.warpAffine(kernel, cv2.getRotationMatrix2D(middle, degrees, 1), (length, length))
    return np.asarray(cv2.filter2D(crop, -1, turned / turned.sum()), dtype=np.uint8)


def looking(yaw: float, roll: float = 0.0, depth: float = NOSE) -> KeyPoints:
    """Return the points of a head turned and tilted by so many degrees, its eyes 60 pixels apart."""
    half, nose = 30 * math.cos(math.radians(yaw)), 60 * depth * math.sin(math.radians(yaw))
    cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))

    def place(x: float, y: float) -> Point:
        return Point(200 + x * cos - y * sin, 100 + x * sin + y * cos)

    return KeyPoints(place(-half, 0), place(half, 0), place(nose, 35), place(0, 60))


def test_the_size_is_the_height_of_the_square_that_was_cut_out() -> None:
    crop = np.zeros((48, 48), np.uint8)
    assert measure_quality(crop, Box(10, 20, 73, 83), None).size == 63


def test_brightness_and_contrast_are_of_the_face_and_not_of_what_is_behind_it() -> None:
    crop = np.full((48, 48), 255, np.uint8)
    crop[6:42, 6:42] = np.where(np.indices((36, 36)).sum(axis=0) % 2, 30, 50)
    quality = measure_quality(crop, SQUARE, None)
    assert (quality.brightness, quality.contrast) == (40, 10)


@pytest.mark.parametrize("degrees", [0, 30, 45, 60, 90, 135])
def test_movement_in_any_direction_makes_a_face_less_sharp(
    clip: list[Image], degrees: float
) -> None:
    crop = face_of(clip[4])
    assert sharpness(motion(crop, degrees)) < 0.6 * sharpness(crop)


def test_a_face_out_of_focus_is_less_sharp(clip: list[Image]) -> None:
    crop = face_of(clip[4])
    blurred = [cv2.GaussianBlur(crop, (0, 0), sigma) for sigma in (1.0, 2.0, 3.0)]
    values = [sharpness(crop), *(sharpness(np.asarray(one, np.uint8)) for one in blurred)]
    assert values == sorted(values, reverse=True)
    assert values[2] < QualitySettings().min_sharpness < values[0]


def test_sharpness_says_nothing_of_light_and_contrast(clip: list[Image]) -> None:
    crop = face_of(clip[4])
    pale = np.asarray(100 + 0.4 * crop.astype(float), dtype=np.uint8)
    assert sharpness(pale) == pytest.approx(sharpness(crop), rel=0.05)


def test_a_picture_of_one_gray_has_neither_sharpness_nor_contrast() -> None:
    quality = measure_quality(np.full((48, 48), 90, np.uint8), SQUARE, None)
    assert (quality.sharpness, quality.contrast, quality.brightness) == (0, 0, 90)


def test_a_crop_for_a_larger_model_measures_the_same(clip: list[Image]) -> None:
    crop = face_of(clip[4])
    large = np.asarray(cv2.resize(crop, (96, 96), interpolation=cv2.INTER_NEAREST), np.uint8)
    assert measure_quality(large, SQUARE, None) == measure_quality(crop, SQUARE, None)


@pytest.mark.parametrize("yaw", [-89.9, -40, 0, 15, 60])
@pytest.mark.parametrize("roll", [-25, 0, 40])
def test_the_yaw_of_a_turned_head_is_found_whatever_its_tilt(yaw: float, roll: float) -> None:
    quality = measure_quality(np.zeros((48, 48), np.uint8), SQUARE, looking(yaw, roll))
    assert quality.yaw == pytest.approx(yaw)
    assert quality.roll == pytest.approx(roll)


def test_without_key_points_nothing_is_said_of_yaw_and_roll() -> None:
    quality = measure_quality(np.zeros((48, 48), np.uint8), SQUARE, None)
    assert (quality.yaw, quality.roll) == (None, None)


def test_a_good_face_gives_no_reason() -> None:
    assert find_quality_issues(GOOD, QualitySettings()) == ()
    assert find_quality_issues(replace(GOOD, yaw=None, roll=None), QualitySettings()) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": 21.0}, Reason.TOO_SMALL),
        ({"sharpness": 0.01}, Reason.BLURRED),
        ({"brightness": 30.0}, Reason.DARK),
        ({"contrast": 5.0}, Reason.LOW_CONTRAST),
        ({"yaw": 50.0}, Reason.SIDE_FACE),
        ({"yaw": -50.0}, Reason.SIDE_FACE),
    ],
)
def test_each_limit_has_its_reason(change: dict[str, float], reason: Reason) -> None:
    assert find_quality_issues(replace(GOOD, **change), QualitySettings()) == (reason,)


def test_every_reason_that_holds_is_named() -> None:
    worst = Quality(size=5, sharpness=0, brightness=3, contrast=1, yaw=-80, roll=0)
    assert find_quality_issues(worst, QualitySettings()) == tuple(Reason)[:5]


def test_limits_at_their_ends_refuse_nothing() -> None:
    worst = Quality(size=5, sharpness=0, brightness=0, contrast=0, yaw=-90, roll=0)
    off = QualitySettings(min_size=0, min_sharpness=0, min_brightness=0, min_contrast=0, max_yaw=90)
    assert find_quality_issues(worst, off) == ()


def test_every_face_of_the_clip_and_of_the_photographs_is_good(
    clip: list[Image], media: Path
) -> None:
    names = ("skimage_astronaut.png", "fr_obama-720p.jpg", "fer_justin.jpg")
    photographs = [np.asarray(cv2.imread(str(media / name)), np.uint8) for name in names]
    for image in (*clip[::2], *photographs):
        assert (
            find_quality_issues(measure_quality(face_of(image), SQUARE, None), QualitySettings())
            == ()
        )
