from collections.abc import Sequence

import numpy as np
import pytest

from converter.detector.evaluate import fit_crop, lay_out
from edge.errors import DataError
from edge.geometry import Box, CropCalibration
from edge.types import Face, Image

FACES = np.random.default_rng(0).integers(100, 255, (30, 48, 48), dtype=np.uint8)


class Skewed:
    """A detector whose boxes are the true squares, shrunk and pushed aside in a known way."""

    name = "skewed"
    searches_near = False
    crop_fit = CropCalibration(1.0, 0.0, 0.0)

    def __init__(self, squares: list[Box]) -> None:
        self._squares = iter(squares)

    def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
        square = next(self._squares)
        side = square.height / 1.25
        x, y = square.x1 + 0.1 * side, square.y1 + 0.3 * side
        return [Face(Box(x, y, x + side, y + side), 1.0)]


class Blind(Skewed):
    """A detector that finds nothing."""

    def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
        return []


def squares(seed: int) -> list[Box]:
    """Return the true squares that `fit_crop` lays out with this seed."""
    rng = np.random.default_rng(seed)
    return [lay_out(face, rng)[1] for face in FACES]


def test_the_fit_undoes_what_the_detector_does_to_the_true_square() -> None:
    fit, pairs = fit_crop(Skewed(squares(4)), FACES, seed=4)
    assert fit == CropCalibration(scale=1.25, right=0.025, down=-0.175)
    assert len(pairs) == len(FACES)
    ious = [fit.square(box).iou(square) for square, box in pairs]
    assert np.mean(ious) == pytest.approx(1.0, abs=0.01)


def test_a_face_lies_in_the_canvas_where_its_square_says() -> None:
    image, square = lay_out(FACES[0], np.random.default_rng(0))
    assert image.shape == (480, 640, 3)
    inside = image[int(square.y1) : int(square.y2), int(square.x1) : int(square.x2), 0]
    assert inside.shape[0] == inside.shape[1]
    assert inside.std() > image[:, :, 0].std() / 2


def test_a_detector_that_finds_nothing_cannot_be_fitted() -> None:
    with pytest.raises(DataError, match="skewed found none of 30 faces"):
        fit_crop(Blind([]), FACES, seed=0)
