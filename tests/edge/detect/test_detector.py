from edge.detect import CropFit
from edge.records import Box


def test_a_fit_scales_and_shifts_by_heights_of_the_box() -> None:
    fit = CropFit(scale=2.0, right=0.1, down=-0.5)
    assert fit.square(Box(100, 100, 180, 200)) == Box(50, 0, 250, 200)
