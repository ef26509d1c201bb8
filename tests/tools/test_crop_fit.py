from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from converter.data.label_sets import LABEL_SETS, Selection
from converter.detector.evaluate import lay_out
from converter.evaluate.predictor import Logits, Predictor
from edge.errors import DataError
from edge.geometry import Box, CropCalibration, KeyPoints, Point
from edge.types import Face, Image
from tests.converter.faces import write_csv
from tools.crop_fit import main, measure_crops


def test_of_drawn_faces_it_says_that_none_was_found(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path, rows_per_label=2)
    with pytest.raises(SystemExit, match="haar found none of 5 faces"):
        main(["--data", str(data), "--faces", "5", "--detector", "haar"])


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
