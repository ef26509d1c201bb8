from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from converter.data.label_sets import LABEL_SETS, Selection
from converter.evaluate.crop_calibration import fit_crop, lay_out, measure_crops
from converter.evaluate.predictor import Logits, Predictor
from edge.detect import CropCalibration
from edge.errors import DataError
from edge.geometry import Box, KeyPoints, Point
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
    report = fit_crop(Skewed(squares(4)), FACES, seed=4)
    assert report.fit == CropCalibration(scale=1.25, right=0.025, down=-0.175)
    assert (report.found, report.tried) == (30, 30)
    assert report.iou == pytest.approx(1.0, abs=0.01)


def test_a_face_lies_in_the_canvas_where_its_square_says() -> None:
    image, square = lay_out(FACES[0], np.random.default_rng(0))
    assert image.shape == (480, 640, 3)
    inside = image[int(square.y1) : int(square.y2), int(square.x1) : int(square.x2), 0]
    assert inside.shape[0] == inside.shape[1]
    assert inside.std() > image[:, :, 0].std() / 2


def test_a_detector_that_finds_nothing_cannot_be_fitted() -> None:
    with pytest.raises(DataError, match="skewed found none of 30 faces"):
        fit_crop(Blind([]), FACES, seed=0)


SHADES = np.linspace(20, 230, 7).astype(np.uint8)
CLASSES = np.arange(28) % 7
PIXELS = np.repeat(SHADES[CLASSES], 48 * 48).reshape(-1, 48, 48)
ROWS = Selection("shades", PIXELS, CLASSES, unique=None, excluded={})


def read_shade(faces: NDArray[np.uint8]) -> Logits:
    """Tell the class of a face by how bright it is."""
    means = faces.reshape(len(faces), -1).mean(axis=1)
    return np.asarray(-np.abs(means[:, None] - SHADES.astype(float)), dtype=np.float32)


PREDICTOR = Predictor("shades", LABEL_SETS["7"], 1.0, read_shade)


class Knowing:
    """Knows where `lay_out` lays the faces; sees all but every fourth, and points at a corner."""

    name = "knowing"
    searches_near = False

    def __init__(self, seed: int, fit: CropCalibration, every: int = 4) -> None:
        self.crop_fit = fit
        rng = np.random.default_rng(seed)
        self._squares = iter([lay_out(face, rng)[1] for face in PIXELS])
        self._every, self._seen = every, 0

    def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
        square = next(self._squares)
        self._seen += 1
        if self._seen % self._every == 0:
            return []
        points = KeyPoints(*(Point(square.x1 + x, square.y1 + y) for x, y in POINTS))
        return [Face(square, 1.0, points)]


POINTS = ((10, 10), (30, 30), (20, 40), (10, 50))


def test_crops_that_are_the_pictures_themselves_cost_nothing() -> None:
    told = measure_crops(Knowing(3, CropCalibration(1.0, 0.0, 0.0)), PREDICTOR, ROWS, seed=3)
    assert (told.tried, told.found) == (28, 21)
    assert (told.original, told.upright) == (1.0, 1.0)


def test_it_is_the_crop_that_is_classified() -> None:
    framed = PIXELS.copy()
    framed[:, :12] = framed[:, 36:] = framed[:, :, :12] = framed[:, :, 36:] = 125
    rows = Selection("framed", framed, CLASSES, unique=None, excluded={})
    told = measure_crops(Knowing(3, CropCalibration(0.45, 0.0, 0.0)), PREDICTOR, rows, seed=3)
    assert told.original < 0.5
    assert told.upright == 1.0


def test_a_detector_that_finds_nothing_cannot_be_measured() -> None:
    with pytest.raises(DataError, match="knowing found none of 28 faces"):
        measure_crops(Knowing(3, CropCalibration(1.0, 0.0, 0.0), every=1), PREDICTOR, ROWS, seed=3)
