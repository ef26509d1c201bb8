import math
from dataclasses import replace

import pytest

from edge.detect.detector import has_valid_landmarks, is_frontal
from edge.geometry import Box, CropCalibration, KeyPoints, Point
from edge.types import Face


def test_a_fit_scales_and_shifts_by_heights_of_the_box() -> None:
    fit = CropCalibration(scale=2.0, right=0.1, down=-0.5)
    assert fit.square(Box(100, 100, 180, 200)) == Box(50, 0, 250, 200)


def test_the_shift_of_a_fit_is_tilted_with_the_head() -> None:
    fit = CropCalibration(scale=1.0, right=0.0, down=-0.5)
    square = fit.square(Box(0, 0, 100, 100), roll=90.0)
    assert square.center.x == pytest.approx(100.0)
    assert square.center.y == pytest.approx(50.0)
    assert square.height == pytest.approx(100.0)


BOX = Box(0, 0, 100, 100)


def face(roll: float = 0.0, nose: float = 50.0, mouth: float = 75.0) -> Face:
    """Return a face in `BOX`, tilted about its middle; `nose` and `mouth` are its x and y."""
    points = [Point(30, 35), Point(70, 35), Point(nose, 55), Point(50, mouth)]
    return Face(BOX, 0.9, KeyPoints(*(turned(point, roll) for point in points)))


def turned(point: Point, degrees: float) -> Point:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = point.x - 50, point.y - 50
    return Point(50 + cos * x - sin * y, 50 + sin * x + cos * y)


@pytest.mark.parametrize("roll", [-50, -20, 0, 20, 50])
def test_an_upright_or_tilted_face_is_one(roll: float) -> None:
    assert has_valid_landmarks(face(roll))
    assert face(roll).points is not None
    assert abs(face(roll).points.roll - roll) < 0.001  # type: ignore[union-attr]


@pytest.mark.parametrize("roll", [-90, 90, 180])
def test_a_face_on_its_side_or_head_is_none(roll: float) -> None:
    assert not has_valid_landmarks(face(roll))


@pytest.mark.parametrize("mouth", [10.0, 40.0, 50.0])
def test_a_mouth_above_the_eyes_at_them_or_above_the_nose_is_none(mouth: float) -> None:
    assert not has_valid_landmarks(face(mouth=mouth))


def test_landmarks_far_outside_the_box_are_none() -> None:
    assert not has_valid_landmarks(replace(face(), box=Box(0, 0, 40, 40)))


def test_a_face_without_landmarks_is_valid() -> None:
    assert has_valid_landmarks(Face(BOX, 0.9))
    assert is_frontal(Face(BOX, 0.9))


@pytest.mark.parametrize(("nose", "roll"), [(50, 0), (35, 0), (65, 0), (50, 40), (35, -40)])
def test_a_nose_between_the_eyes_faces_the_camera(nose: float, roll: float) -> None:
    assert is_frontal(face(roll, nose))


@pytest.mark.parametrize(("nose", "roll"), [(25, 0), (75, 0), (20, 40), (80, -40)])
def test_a_nose_beside_the_eyes_is_a_profile(nose: float, roll: float) -> None:
    assert has_valid_landmarks(face(roll, nose))
    assert not is_frontal(face(roll, nose))
