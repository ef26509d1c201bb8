"""What a training leaves in its folder, by name."""

from pathlib import Path

import msgspec

from converter.recipes import Recipe

MODEL = "model.keras"
RECIPE = "recipe.json"
LOG = "log.csv"
CURVES = "curves.png"

NEGATIVES = "negatives.txt"
"""Names of the photographs that taught the output `face`; absent where there were none."""

CHECKPOINT = "checkpoint.weights.h5"
"""Only until the training is finished."""


def read_recipe(directory: Path) -> Recipe:
    """Return what the network in `directory` was trained by.

    Raises:
        OSError: there is no recipe.
        ValueError: it is none.
    """
    return msgspec.json.decode((directory / RECIPE).read_bytes(), type=Recipe)
