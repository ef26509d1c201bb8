"""The detector's loss: nothing for the truth, more for every way to be wrong."""

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="training needs the extra `convert`")

from converter.detector.loss import (  # noqa: E402  # needs Keras
    NEAREST,
    Grid,
    compare,
    detection_loss,
    varifocal,
)
from converter.detector.samples import TrainingSample  # noqa: E402
from converter.detector.train import targets_of  # noqa: E402

CELLS = Grid(96, 128)
BOX = np.array([[40, 30, 64, 60]], np.float32)
POINTS = np.array([[[46, 40], [58, 40], [52, 47], [52, 53]]], np.float32)


def _truth(ignored: bool = False) -> dict[str, Any]:
    scene = TrainingSample(np.zeros((96, 128, 3), np.uint8), BOX, POINTS, np.array([ignored]))
    truth = targets_of(scene, CELLS, most=3, rng=np.random.default_rng(0))
    return {name: value[None] for name, value in truth.items()}


def _right() -> dict[str, Any]:
    """Return what a good network answers: all cells know the box, those of the finest grid sure."""
    strides, middles = CELLS.strides[:, None], CELLS.centers
    center, sides = (BOX[:, :2] + BOX[:, 2:]) / 2, BOX[:, 2:] - BOX[:, :2]
    boxes = np.concatenate([(center - middles) / strides, np.log(sides / strides)], axis=1)
    near = CELLS.candidates(BOX)[0][:NEAREST]
    scores = np.full((CELLS.count, 1), -12.0, np.float32)
    scores[near[near >= 0]] = 12.0
    return {"scores": scores[None], "boxes": boxes[None]}


def _loss(truth: dict[str, Any], answer: dict[str, Any]) -> dict[str, float]:
    as_float = {name: value.astype(np.float32) for name, value in answer.items()}
    return {name: float(value) for name, value in detection_loss(CELLS, truth, as_float).items()}


def test_the_right_boxes_cost_nothing() -> None:
    loss = _loss(_truth(), _right())
    assert loss["box"] == pytest.approx(0, abs=1e-3)


def test_a_box_that_is_off_costs() -> None:
    answer = _right()
    answer["boxes"] = answer["boxes"] + 0.3
    assert _loss(_truth(), answer)["box"] > 0.05


def test_a_face_that_is_not_seen_and_one_that_is_not_there_cost() -> None:
    blind, dreaming = _right(), _right()
    blind["scores"] = np.full_like(blind["scores"], -12.0)
    dreaming["scores"][0, CELLS.count // 4] = 12.0
    usual = _loss(_truth(), _right())["score"]
    assert _loss(_truth(), blind)["score"] > 5 * usual
    assert _loss(_truth(), dreaming)["score"] > usual + 0.5


def test_what_is_not_judged_costs_neither_way() -> None:
    """A box that is neither face nor background: all its cells may say what they like."""
    inside = CELLS.inside(BOX)
    sure, unsure = _right(), _right()
    sure["scores"][0, :, 0] = np.where(inside, 12.0, -12.0)
    unsure["scores"][:] = -12.0
    assert _loss(_truth(ignored=True), sure) == _loss(_truth(ignored=True), unsure)


def test_boxes_apart_overlap_by_nothing_and_cost_more_the_further() -> None:
    boxes = np.array(
        [[0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10], [90, 0, 100, 10]], np.float32
    )
    overlap, cost = (np.asarray(value) for value in compare(boxes, boxes[:1]))
    assert overlap.tolist() == pytest.approx([1, 1 / 3, 0, 0])
    assert (np.diff(cost) > 0).all()


def test_a_box_pays_for_its_middle_and_its_sides() -> None:
    """EIoU by hand: 4x4 in the corner of 8x8: IoU 16/64, middles 2 apart both ways, sides 4 off."""
    small, large = np.array([[0.0, 0, 4, 4]]), np.array([[0.0, 0, 8, 8]])
    overlap, cost = (float(np.asarray(value)[0]) for value in compare(small, large))
    assert overlap == pytest.approx(0.25)
    assert cost == pytest.approx((1 - 0.25) + 8 / 128 + 16 / 64 + 16 / 64)


def test_the_score_is_taught_the_overlap_and_calm_cells_weigh_little() -> None:
    """Varifocal by hand at logit 0, probability 1/2: a face of overlap 0.8, a cell without one, and
    one that is not judged."""
    logits, targets = np.zeros((1, 3), np.float32), np.array([[0.8, 0, 0]], np.float32)
    background = np.array([[1, 1, 0]], np.float32)
    loss = np.asarray(varifocal(logits, targets, background))[0]
    assert loss == pytest.approx([0.8 * np.log(2), 0.75 * 0.25 * np.log(2), 0], abs=1e-6)
    best = np.log(0.8 / 0.2)
    costs = [
        float(
            np.asarray(
                varifocal(np.array([[logit]], np.float32), targets[:, :1], background[:, :1])
            )[0, 0]
        )
        for logit in (best - 0.5, best, best + 0.5)
    ]
    assert min(costs) == costs[1]
