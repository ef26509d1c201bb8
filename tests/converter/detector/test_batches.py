"""Batches: scenes as the network takes them, and what is true of them."""

import msgspec
import numpy as np
import pytest

pytest.importorskip("keras", reason="training needs the extra `convert`")

from converter.detector.loss import CANDIDATES, Grid
from converter.detector.sample_generator import SampleGenerator
from converter.detector.samples import TrainingSample
from converter.detector.train import SampleBatches, Targets, targets_of
from tests.converter.detector.drawn import SMALL, patch, points_of

CELLS = Grid(64, 96)
BOXES = np.array([[4, 4, 20, 24], [30, 10, 50, 34], [60, 30, 80, 56]], np.float32)


def _truth(ignored: list[bool], most: int = 5) -> Targets:
    image = np.zeros((64, 96, 3), np.uint8)
    scene = TrainingSample(image, BOXES, points_of(BOXES), np.array(ignored))
    return targets_of(scene, CELLS, most, np.random.default_rng(0))


def _batches(**changes: object) -> SampleBatches:
    recipe = msgspec.structs.replace(SMALL, **changes)
    return SampleBatches(
        SampleGenerator([patch((780, 610, 820, 670))], [], [], recipe.scenes), recipe
    )


def test_every_part_of_the_truth_has_its_form() -> None:
    pictures, truth = _batches()[0]
    assert pictures.shape == (4, 64, 96, 3)
    assert pictures.dtype == np.uint8
    assert {name: (value.shape, value.dtype.name) for name, value in truth.items()} == {
        "boxes": ((4, 5, 4), "float32"),
        "known": ((4, 5), "float32"),
        "candidates": ((4, 5, CANDIDATES), "int32"),
        "background": ((4, CELLS.count), "float32"),
    }


def test_judged_faces_come_first_with_their_cells_and_the_rest_is_empty() -> None:
    truth = _truth([False, True, False])
    assert truth["known"].tolist() == [1, 1, 0, 0, 0]
    assert np.array_equal(truth["boxes"][:2], BOXES[[0, 2]])
    assert np.array_equal(truth["candidates"][:2], CELLS.candidates(BOXES[[0, 2]]))
    assert (truth["candidates"][2:] == -1).all()


def test_where_it_is_unclear_whether_there_is_a_face_is_no_background() -> None:
    truth = _truth([False, True, False])
    assert np.array_equal(truth["background"] == 0, CELLS.inside(BOXES[1:2]))
    assert _truth([False] * 3)["background"].all()


def test_of_more_faces_than_are_learnt_from_the_others_are_not_background() -> None:
    truth = _truth([False] * 3, most=2)
    assert truth["known"].tolist() == [1, 1]
    left = [box for box in BOXES if not (truth["boxes"] == box).all(axis=1).any()]
    assert len(left) == 1
    assert np.array_equal(truth["background"] == 0, CELLS.inside(np.array(left)))


def test_a_batch_depends_on_seed_epoch_and_number_alone() -> None:
    one, other = _batches(), _batches()
    one[0]
    one.epoch = other.epoch = 1
    (pictures, truth), (same, same_truth) = one[2], other[2]
    assert np.array_equal(pictures, same)
    for name, value in truth.items():
        assert np.array_equal(value, same_truth[name])
    other.epoch = 2
    assert not np.array_equal(pictures, other[2][0])
    assert not np.array_equal(pictures, one[1][0])
    reseeded = _batches(seed=2)
    reseeded.epoch = 1
    assert not np.array_equal(pictures, reseeded[2][0])


def test_an_epoch_has_the_recipes_batches() -> None:
    assert len(_batches(steps=7)) == 7
