"""The refiner: a second look at each candidate, its points, and both answers put together."""

import math
from pathlib import Path

import numpy as np
import pytest

from edge.detect.builtin import Refiner, cut, square_around
from edge.errors import ModelError
from edge.geometry import Box
from edge.types import Face
from tests.edge.detect.lights import copy_glance, night

LIT = night(128, 96, (32, 16, 96, 80))
INSIDE, DARK = Box(44, 28, 84, 68), Box(0, 82, 12, 94)


def _refine(model: Path, box: Box, confidence: float = 0.5) -> Face:
    return Refiner(model).refine(LIT, Face(box, confidence))


def test_both_logits_are_weighed_as_the_card_says(tmp_path: Path) -> None:
    """The second look's logit is 8 where it is lit and -8 where it is dark."""
    for box, second in ((INSIDE, 8.0), (DARK, -8.0)):
        face = _refine(copy_glance(tmp_path, weights=[2.0, 0.25, -1.0]), box, 0.75)
        logit = 2.0 * math.log(3) + 0.25 * second - 1.0
        assert math.log(face.confidence / (1 - face.confidence)) == pytest.approx(logit, abs=0.05)


def test_a_box_stays_and_its_points_lie_in_the_square_around_it(tmp_path: Path) -> None:
    """The network answers quarters of the crop, whose side is 1.3 times the box's longer side."""
    face = _refine(copy_glance(tmp_path), INSIDE)
    assert face.box == INSIDE
    assert face.points is not None
    quarter = 1.3 * 40 / 4
    eye, mouth = face.points.right_eye, face.points.mouth
    assert (eye.x, eye.y) == pytest.approx((64 - quarter, 48 - quarter), abs=0.5)
    assert (mouth.x, mouth.y) == pytest.approx((64, 48 + quarter), abs=0.5)


@pytest.mark.parametrize(
    "box", [Box(-20, -20, 20, 20), Box(100, 70, 160, 130), Box(300, 300, 340, 340)], ids=str
)
def test_a_crop_beyond_the_picture_is_black_there(box: Box) -> None:
    white = np.full((96, 128, 3), 255, np.uint8)
    square = square_around(box)
    crop = cut(white, square, 32)
    assert crop.shape == (32, 32, 3)
    inside = square.intersection(Box(0, 0, 128, 96)) / square.area
    assert (crop > 127).mean() == pytest.approx(inside, abs=0.05)


def test_a_crop_shows_what_lies_in_the_square() -> None:
    image = night(640, 480, (320, 240, 640, 480))
    crop = cut(image, Box(256, 176, 384, 304), 32)
    assert crop[16:, 16:, 0].min() == 255
    assert crop[:15, :15].max() == 0


def test_a_damaged_refiner_is_told_by_its_hash(tmp_path: Path) -> None:
    model = copy_glance(tmp_path, sha256="0" * 64)
    with pytest.raises(ModelError, match=r"expected sha256 0{64} as its card says"):
        Refiner(model)


def test_a_network_of_another_form_is_refused(tmp_path: Path) -> None:
    shape = {"shape": [48, 48, 3], "dtype": "int8", "color": "bgr"}
    with pytest.raises(ModelError, match="expected input"):
        Refiner(copy_glance(tmp_path, input=shape))
