"""The colours of expressions: told apart by everybody, and written on."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.label_colors import COLOURS, OTHER, color_for, text_color_for
from tests.eyes import EYES, linear, seen_by

APART = 15.0
"""CIELAB distance; 2.3 is the least that eyes tell apart side by side (Mahy et al. 1994)."""


def rgb(text: str) -> NDArray[np.float64]:
    """Return `#rrggbb` as numbers, 0-255."""
    return np.array(list(bytes.fromhex(text[1:])), dtype=float)


@pytest.mark.parametrize("eyes", EYES)
def test_any_two_expressions_can_be_told_apart_with_any_colour_vision(eyes: str) -> None:
    seen = dict(
        zip(COLOURS, seen_by(eyes, np.array(list(map(rgb, COLOURS.values())))), strict=True)
    )
    distances = {
        (one, other): np.linalg.norm(seen[one] - seen[other])
        for one, other in combinations(COLOURS, 2)
    }
    assert {pair: away for pair, away in distances.items() if away < APART} == {}


@pytest.mark.parametrize("emotion", [*COLOURS, "jubilant"])
def test_letters_on_a_colour_have_the_contrast_that_wcag_asks_of_text(emotion: str) -> None:
    weights = np.array([0.2126, 0.7152, 0.0722])
    front, back = (
        weights @ linear(rgb(one)) + 0.05 for one in (text_color_for(emotion), color_for(emotion))
    )
    assert max(front, back) / min(front, back) > 4.5


def test_a_class_of_somebodys_own_model_has_a_colour_too() -> None:
    assert color_for("jubilant") == OTHER
