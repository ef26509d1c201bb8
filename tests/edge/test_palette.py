"""Colours as people with any colour vision see them."""

from itertools import combinations

import cv2
import numpy as np
import pytest

from edge.palette import COLOURS, OTHER, colour, ink

SIGHTS = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""What becomes of linear RGB in the eye: Machado, Oliveira and Fernandes 2009, "A Physiologically-based
Model for Simulation of Color Vision Deficiency", severity 1.0."""

APART = 15.0
"""CIELAB distance; 2.3 is the least that eyes tell apart side by side (Mahy et al. 1994)."""


def linear(text: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    parts = np.array(list(bytes.fromhex(text[1:]))) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def seen(text: str, sight: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a colour in CIELAB as one kind of eye sees it."""
    light = np.clip(SIGHTS[sight] @ linear(text), 0, 1).astype(np.float32)
    return np.asarray(cv2.cvtColor(light[None, None], cv2.COLOR_LRGB2Lab)[0, 0], dtype=float)


@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_expressions_can_be_told_apart_with_any_colour_vision(sight: str) -> None:
    distances = {
        (one, other): np.linalg.norm(seen(COLOURS[one], sight) - seen(COLOURS[other], sight))
        for one, other in combinations(COLOURS, 2)
    }
    assert {pair: away for pair, away in distances.items() if away < APART} == {}


@pytest.mark.parametrize("emotion", [*COLOURS, "jubilant"])
def test_letters_on_a_colour_have_the_contrast_that_wcag_asks_of_text(emotion: str) -> None:
    weights = np.array([0.2126, 0.7152, 0.0722])
    front, back = (weights @ linear(one) + 0.05 for one in (ink(emotion), colour(emotion)))
    assert max(front, back) / min(front, back) > 4.5


def test_a_class_of_somebodys_own_model_has_a_colour_too() -> None:
    assert colour("jubilant") == OTHER
