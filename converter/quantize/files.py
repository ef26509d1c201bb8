"""A .tflite and its card: two files that are written and moved as one."""

from pathlib import Path

import msgspec

from edge.errors import ModelError
from edge.model_card import BaseCard, card_path


def refuse_existing(model: Path) -> None:
    """Leave alone what is there.

    Raises:
        ModelError: there is such a model, or a card of one.
    """
    for file in (model, card_path(model)):
        if file.exists():
            raise ModelError(f"{file}: is there already; choose another --name, or --force")


def write_card(model: Path, card: BaseCard) -> None:
    """Write the card of the .tflite file `model` beside it."""
    text = msgspec.json.format(msgspec.json.encode(card), indent=2)
    card_path(model).write_bytes(text + b"\n")


def move(source: Path, place: Path) -> None:
    """Move a model and its card."""
    for file, goal in ((source, place), (card_path(source), card_path(place))):
        file.replace(goal)
