"""Shipped models as tests need them: copied, with changes to their cards."""

import shutil
from pathlib import Path
from typing import Any

import msgspec

from edge.assets import find_model
from edge.infer.card import card_path

SHIPPED = find_model(Path("shallow-int8"))


def copy_model(directory: Path, **changes: Any) -> Path:
    """Copy the shipped int8 model and its card, with `changes` to the card's fields."""
    model = directory / SHIPPED.name
    shutil.copy(SHIPPED, model)
    card = msgspec.json.decode(card_path(SHIPPED).read_bytes())
    for field, value in changes.items():
        card[field] = {**card[field], **value} if isinstance(value, dict) else value
    card_path(model).write_bytes(msgspec.json.encode(card))
    return model
