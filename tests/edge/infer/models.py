"""Models as tests need them: copied, with changes to their cards."""

import shutil
from pathlib import Path
from typing import Any

import msgspec

from edge.model_card import card_path
from edge.paths import find_model, sha256

SHIPPED = find_model(Path("shallow-int8"))

BRIGHTNESS = Path(__file__).with_name("brightness.tflite")
"""Bright is a face and day, dark is none and night; make_brightness.py made it."""

OVERFLOW = Path(__file__).with_name("overflow.tflite")
"""Its answers to crops brighter than 200 are infinite; make_brightness.py made it."""


def copy_model(directory: Path, **changes: Any) -> Path:
    """Copy the shipped int8 model and its card, with `changes` to the card's fields."""
    return _copy(SHIPPED, directory, changes)


def copy_brightness(directory: Path, **changes: Any) -> Path:
    """Copy the model with a face output, with a card of its own and `changes` to its fields."""
    own: dict[str, Any] = {
        "name": "brightness",
        "labels": ["day", "night", "dusk"],
        "face": {"dtype": "int8", "threshold": 0.5},
        "sha256": sha256(BRIGHTNESS),
    }
    if changes.get("face"):
        changes["face"] = {**own["face"], **changes["face"]}
    return _copy(BRIGHTNESS, directory, {**own, **changes})


def copy_overflow(directory: Path, **changes: Any) -> Path:
    """Copy the model that overflows where it is bright, with a card of its own and `changes`."""
    own: dict[str, Any] = {
        "name": "overflow",
        "labels": ["day", "night", "dusk"],
        "face": None,
        "input": {"dtype": "float32"},
        "output": {"dtype": "float32"},
        "sha256": sha256(OVERFLOW),
    }
    return _copy(OVERFLOW, directory, {**own, **changes})


def _copy(source: Path, directory: Path, changes: dict[str, Any]) -> Path:
    model = directory / source.name
    shutil.copy(source, model)
    card = msgspec.json.decode(card_path(SHIPPED).read_bytes())
    card["output"]["offsets"] = []  # they are of its eight classes
    for field, value in changes.items():
        old = card.get(field)
        card[field] = {**old, **value} if isinstance(old, dict) and value else value
    card_path(model).write_bytes(msgspec.json.encode(card))
    return model
