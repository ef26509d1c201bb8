"""The refinement network's training: what its loss asks for, and that it leaves a network."""

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

pytest.importorskip("keras", reason="training needs the extra `convert`")

from converter.detector.quantize import fit_logistic
from converter.detector.refiner import loss_parts, train_refiner
from converter.detector.samples import DataSummary, TrainingData
from converter.detector.train import load_network
from edge.detect.builtin import CONTEXT
from edge.errors import ConfigError, ModelError
from tests.converter.detector.test_refiner_samples import RECIPE, face_sample, find_light, night
from tests.converter.small import eagerly

BOX = (0.1, -0.05, math.log(0.5 * CONTEXT), math.log(0.6 * CONTEXT))
BOXES = np.array([[0.1 - 0.25, -0.05 - 0.3, 0.1 + 0.25, -0.05 + 0.3]], np.float32)
"""What the network answers of a box, and its edges."""

POINTS = np.array([[-0.2, -0.1, 0.2, -0.1, 0.0, 0.05, 0.0, 0.2]], np.float32)


def _loss(
    score: float,
    points: np.ndarray,
    face: float = 1.0,
    pointed: float = 1.0,
    box: tuple[float, ...] = BOX,
    boxed: float = 1.0,
) -> dict[str, float]:
    truth = {
        "face": np.array([face]),
        "points": POINTS,
        "pointed": np.array([pointed]),
        "boxes": BOXES,
        "boxed": np.array([boxed]),
    }
    answer = {
        "score": np.array([[score]], np.float32),
        "points": points.astype(np.float32),
        "box": np.array([box], np.float32),
    }
    as_float = {name: value.astype(np.float32) for name, value in truth.items()}
    return {name: float(value) for name, value in loss_parts(as_float, answer).items()}


def test_the_right_answer_costs_next_to_nothing() -> None:
    loss = _loss(12.0, POINTS)
    assert loss["face"] < 1e-4
    assert loss["point"] == 0


def test_a_wrong_answer_costs_both_ways() -> None:
    assert _loss(-12.0, POINTS)["face"] == pytest.approx(12, abs=0.01)
    assert _loss(12.0, POINTS, face=0.0)["face"] == pytest.approx(12, abs=0.01)


def test_points_that_lie_wrong_to_each_other_cost_more_than_ones_moved_together() -> None:
    together, tilted = POINTS + 0.03, POINTS + 0.03 * np.array([-1, -1, 1, 1, -1, -1, 1, 1])
    assert _loss(0.0, tilted)["point"] > 2 * _loss(0.0, together)["point"]


def test_unknown_points_cost_nothing() -> None:
    assert _loss(0.0, POINTS + 1.0, pointed=0.0)["point"] == 0


def test_a_box_costs_the_more_the_less_it_overlaps_the_face_and_an_unknown_one_nothing() -> None:
    near, far = (BOX[0] + 0.05, *BOX[1:]), (BOX[0] + 0.2, *BOX[1:])
    assert _loss(0.0, POINTS)["box"] == pytest.approx(0, abs=1e-5)
    assert 0 < 2 * _loss(0.0, POINTS, box=near)["box"] < _loss(0.0, POINTS, box=far)["box"]
    assert _loss(0.0, POINTS, box=far, boxed=0.0)["box"] == 0


def _data() -> TrainingData:
    summary = DataSummary(photographs=1, faces=1, watched=0, sources=("drawn",), portraits=0)
    return TrainingData([face_sample()], [], [night((160, 120))], [], summary)


def test_a_training_leaves_a_network_and_is_not_begun_twice(tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(RECIPE, samples=32, steps=2)
    with eagerly():
        train_refiner(recipe, find_light, _data(), tmp_path / "run")
    answer = load_network(tmp_path / "run", "train-refiner").predict(
        np.zeros((2, 48, 48, 3)), verbose=0
    )
    assert {name: value.shape for name, value in answer.items()} == {
        "score": (2, 1),
        "points": (2, 8),
        "box": (2, 4),
    }
    with pytest.raises(ConfigError, match="finished training"):
        train_refiner(recipe, find_light, _data(), tmp_path / "run")


def test_a_folder_without_a_training_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected a finished training; run train-refiner"):
        load_network(tmp_path, "train-refiner")


def test_the_weights_of_two_answers_are_those_that_made_the_truth() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 2))
    chances = 1 / (1 + np.exp(-(1.5 * logits[:, 0] + 0.5 * logits[:, 1] - 1.0)))
    truth = (rng.random(20_000) < chances).astype(float)
    assert fit_logistic(logits, truth) == pytest.approx((1.5, 0.5, -1.0), abs=0.1)
