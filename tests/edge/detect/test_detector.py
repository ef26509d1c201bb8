import pytest

from edge.detect import CropCalibration
from edge.geometry import Box


def test_a_fit_scales_and_shifts_by_heights_of_the_box() -> None:
    fit = CropCalibration(scale=2.0, right=0.1, down=-0.5)
    assert fit.square(Box(100, 100, 180, 200)) == Box(50, 0, 250, 200)


def test_the_shift_of_a_fit_is_tilted_with_the_head() -> None:
    fit = CropCalibration(scale=1.0, right=0.0, down=-0.5)
    square = fit.square(Box(0, 0, 100, 100), roll=90.0)
    assert square.center.x == pytest.approx(100.0)
    assert square.center.y == pytest.approx(50.0)
    assert square.height == pytest.approx(100.0)
