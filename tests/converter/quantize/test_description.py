"""What is told of somebody's model: read, and found wrong by measuring."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from converter.data.label_sets import Selection
from converter.quantize.trained_model import (
    ModelDescription,
    check_by_measuring,
    parse_labels,
    parse_scaling,
)
from edge.errors import ConfigError, ModelError
from tests.converter.gray import SEVEN

Answer = Callable[[ModelDescription, NDArray[np.uint8]], NDArray[np.float32]]

CLASSES = np.random.default_rng(0).integers(0, 7, 2000)
ROWS = Selection(
    "FER2013 PublicTest",
    np.broadcast_to((CLASSES * 30).astype(np.uint8)[:, None, None], (2000, 48, 48)),
    CLASSES,
    None,
    {},
)
"""Faces whose gray value tells the class."""


def answer(right: float, black: float, white: float) -> Answer:
    """Return a model that is so often right where black and white are what it learned.

    Elsewhere it is right a bit less often, and its mistakes are always the same.
    """

    def logits(model: ModelDescription, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        rng, scaling = np.random.default_rng(1), model.scaling
        found = scaling.offset.item(), (scaling.offset + 255 * scaling.scale).item()
        truth = faces[:, 0, 0] // 30
        share = right if found == pytest.approx((black, white)) else right / 2
        known = rng.random(len(faces)) < share
        return np.eye(7, dtype=np.float32)[np.where(known, truth, 6)]

    return logits


def check(labels: tuple[str, ...], entry: str, model: Answer) -> None:
    check_by_measuring(Path("m.h5"), ModelDescription(labels, parse_scaling(entry)), ROWS, model)


def test_labels_are_matched_as_the_names_of_folders_are() -> None:
    assert parse_labels("Angry, Happiness,SAD,surprised") == ("angry", "happy", "sad", "surprise")
    assert parse_labels("anger,calm") == ("angry", "calm")


@pytest.mark.parametrize("text", ["happy", "happy,,sad", "happy,Happiness", ""])
def test_labels_are_at_least_two_and_all_different(text: str) -> None:
    with pytest.raises(ConfigError, match="--labels: expected different names"):
        parse_labels(text)


@pytest.mark.parametrize(
    ("words", "black", "white"),
    [
        (("0..255",), 0, 255),
        (("0..1",), 0, 1),
        (("-1..1",), -1, 1),
        (("0..255", "127.5", "51"), -2.5, 2.5),
        (("0..1", "0.5", "0.25"), -2, 2),
    ],
)
def test_gray_values_become_what_the_model_takes(
    words: tuple[str, ...], black: float, white: float
) -> None:
    scale, offset = parse_scaling(*words).for_shape(48, 1)
    assert (float(offset), float(255 * scale + offset)) == pytest.approx((black, white))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("0..1", "x"), "--mean: expected numbers such as"),
        (("0..1", "gone.npy"), "--mean: expected numbers such as"),
        (("0..1", "nan"), "--mean: expected finite numbers"),
        (("0..1", "1", "0"), "--std: expected numbers above 0"),
        (("0..1", "1,2"), "expected one number or 48 x 48, found 2"),
    ],
)
def test_a_mean_or_deviation_of_no_use_is_told(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_scaling(*words).for_shape(48, 1)


def test_channels_may_have_means_of_their_own() -> None:
    _, offset = parse_scaling("0..1", "0.485,0.456,0.406").for_shape(48, 3)
    assert offset.tolist() == pytest.approx([-0.485, -0.456, -0.406])


def test_what_is_told_rightly_is_accepted_of_a_weak_model_too() -> None:
    check(SEVEN, "-1..1", answer(0.9, -1, 1))
    check(SEVEN, "-1..1", answer(0.3, -1, 1))
    check(SEVEN, "-1..1", answer(0.0, -1, 1))


def test_a_wrong_range_is_refused_and_the_right_one_named() -> None:
    with pytest.raises(ModelError, match=r"with --input 0..1 it names .* with --input -1..1 8"):
        check(SEVEN, "0..1", answer(0.8, -1, 1))


def test_a_wrong_order_of_labels_is_refused_and_the_right_one_named() -> None:
    swapped = ("angry", "disgust", "sad", "happy", "fear", "surprise", "neutral")
    with pytest.raises(ModelError) as caught:
        check(swapped, "0..255", _renamed(answer(0.6, 0, 255)))
    assert f"with --labels {','.join(SEVEN)} " in str(caught.value)
    assert "--input 0..1" not in str(caught.value)


def test_both_may_be_wrong_at_once() -> None:
    swapped = ("angry", "disgust", "sad", "happy", "fear", "surprise", "neutral")
    with pytest.raises(ModelError, match=r"with --input -1..1 --labels angry,disgust,f"):
        check(swapped, "0..1", _renamed(answer(0.8, -1, 1)))


def _renamed(model: Answer) -> Answer:
    """Return the model as it answers where its third and fifth label are told in each other's place.

    The rows' classes are indices into the labels given.
    """
    return lambda description, faces: model(description, faces)[:, [0, 1, 4, 3, 2, 5, 6]]
