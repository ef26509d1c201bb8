"""Watching: how well a network finds faces in photographs that it does not learn from."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="training needs the extra `convert`")

from converter.detector.annotations import AnnotatedImage
from converter.detector.loss import Grid
from converter.detector.samples import TrainingSample, ValidationSet, is_validation
from converter.models import detector
from tests.converter.detector.drawn import patch, sample_of

HEIGHT, WIDTH = 96, 128
BOX = (60, 40, 160, 140)
FITTED = np.array(BOX, np.float32) * 128 / 400
"""Where `BOX`, of a photograph of 400 by 300, is once it is fitted into the network's picture."""


def _photograph(path: Path) -> AnnotatedImage:
    nothing = np.empty((0, 4), np.float32)
    return AnnotatedImage(path, 1, 1, nothing, np.empty(0, bool), "", "train")


class Answers:
    """A network that gives the same answer whatever it is shown."""

    def __init__(self, answer: dict[str, np.ndarray]) -> None:
        self.answer = answer

    def predict(self, images: np.ndarray, **_: object) -> dict[str, np.ndarray]:
        assert len(images) == len(self.answer["scores"])
        return self.answer


def _answer(*seen: np.ndarray | None) -> Answers:
    """Return a network that answers by one box, or none, for each picture, each from one cell."""
    cells = Grid(HEIGHT, WIDTH)
    answer = {
        name: np.zeros((len(seen), cells.count, numbers), np.float32)
        for name, numbers in (("scores", 1), ("boxes", 4))
    }
    answer["scores"][:] = -12
    for row, box in enumerate(seen):
        if box is not None:
            stride, middle = cells.strides[50], cells.centers[50]
            answer["scores"][row, 50] = 3
            answer["boxes"][row, 50, :2] = ((box[:2] + box[2:]) / 2 - middle) / stride
            answer["boxes"][row, 50, 2:] = np.log((box[2:] - box[:2]) / stride)
    return Answers(answer)


def _lesson() -> TrainingSample:
    return patch(BOX, size=(400, 300))


def _empty() -> TrainingSample:
    return sample_of(np.zeros((300, 400, 3), np.uint8), [], [])


def _watched(*samples: TrainingSample) -> ValidationSet:
    return ValidationSet(samples, (HEIGHT, WIDTH))


def test_one_in_twelve_is_watched_and_it_is_its_name_that_decides() -> None:
    names = [f"{number}.jpg" for number in range(2400)]
    watched = [is_validation(_photograph(Path("here") / name)) for name in names]
    assert sum(watched) / len(names) == pytest.approx(1 / 12, abs=0.02)
    assert watched == [is_validation(_photograph(Path("elsewhere") / name)) for name in names]


def test_photographs_are_fitted_into_what_the_network_takes() -> None:
    (picture,) = _watched(patch(BOX, size=(400, 200))).images
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.dtype == np.uint8
    left, top, right, bottom = FITTED.astype(int)
    assert (picture[top + 2 : bottom - 1, left + 2 : right - 1] == 230).all()
    assert (picture[64:] == 0).all()  # below it is black


def test_a_network_that_finds_every_face_and_nothing_else_is_right() -> None:
    watched = _watched(_lesson(), _empty())
    assert watched.average_precision(_answer(FITTED, None)) == pytest.approx(1)


def test_a_face_that_is_not_found_costs() -> None:
    watched = _watched(_lesson(), _lesson())
    assert watched.average_precision(_answer(FITTED, None)) == pytest.approx(0.5, abs=0.01)


def test_a_box_where_no_face_is_costs() -> None:
    watched = _watched(_empty(), _lesson())
    assert watched.average_precision(_answer(FITTED, FITTED)) < 0.8


def test_an_unclear_face_costs_neither_found_nor_overlooked() -> None:
    unclear = _lesson()
    unclear.ignored[:] = True
    for seen in (FITTED, None):
        assert _watched(_lesson(), unclear).average_precision(_answer(FITTED, seen)) == 1


def test_two_answers_for_a_face_are_one_detection() -> None:
    network = _answer(FITTED)
    for values in network.answer.values():
        values[0, 51] = values[0, 50]
    (found,) = _watched(_lesson()).find(network)
    assert len(found.boxes) == 1


def test_a_network_is_asked_about_every_photograph() -> None:
    watched = _watched(*[_lesson() for _ in range(3)])
    assert len(watched.find(detector(HEIGHT, WIDTH))) == 3


def test_of_no_photographs_nothing_is_asked() -> None:
    assert _watched().find(_answer()) == []
