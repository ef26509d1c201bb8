"""Detectors as tests need them: they take lights for faces; make_lights.py made them."""

import math
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.model_card import card_path
from edge.paths import sha256
from edge.types import Image

SHAPE = (96, 128)
"""Height and width of their input."""

STRIDE = 16
BOX = [0.5, 0.5, math.log(2), math.log(3)]


LIGHTS = Path(__file__).with_name("lights.tflite")
"""A detector that sees blue lights."""

GLANCE = Path(__file__).with_name("glance.tflite")
"""A refiner that leaves a detector's confidence as it is: its own logit is -8 where a crop is dark
and 8 where it is blue, its points lie at quarters of the crop, and its box is as high as the
detector's is long and two thirds as wide, as those of lights are."""


def copy_glance(directory: Path, **changes: Any) -> Path:
    """Copy it, with a card of its own and `changes` to the card's fields."""
    model = directory / "glance.tflite"
    shutil.copy(GLANCE, model)
    card_path(model).write_bytes(msgspec.json.encode({**glance_card(), **changes}))
    return model


def glance_card() -> dict[str, Any]:
    """Return the card of `GLANCE`."""
    return {
        "name": "glance",
        "input": {"shape": [32, 32, 3], "dtype": "int8", "color": "bgr"},
        "weights": [1.0, 0.0, 0.0],
        **_common_fields(GLANCE),
    }


def copy_lights(directory: Path, **changes: Any) -> Path:
    """Copy it, with a card of its own and `changes` to the card's fields."""
    model = directory / "lights.tflite"
    shutil.copy(LIGHTS, model)
    card = {
        "name": "lights",
        "input": {"shape": [*SHAPE, 3], "dtype": "int8", "color": "bgr"},
        "strides": [STRIDE],
        "candidate_confidence": 0.01,
        "min_confidence": 0.5,
        "keep_confidence": 0.5,
        "crop_fit": {"scale": 1.0, "right": 0.0, "down": 0.0},
        "smallest_face": 8,
        "largest_face": 96,
        **_common_fields(model),
    }
    card_path(model).write_bytes(msgspec.json.encode({**card, **changes}))
    return model


def _common_fields(model: Path) -> dict[str, Any]:
    """Return what the cards of both have in common."""
    return {
        "sha256": sha256(model),
        "size": model.stat().st_size,
        "parameters": 0,
        "multiply_adds": 0,
        "training_data": "none",
        "measured": [],
        "speed": [],
        "licence": "MIT",
        "limits": "It finds lights.",
    }


def night(
    width: int, height: int, *lit: tuple[int, int, int, int], color: tuple[int, ...] = (255, 0, 0)
) -> Image:
    """Return a dark picture with lights in it, each left, top, right, bottom; blue, as BGR."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    for left, top, right, bottom in lit:
        image[top:bottom, left:right] = color
    return image
