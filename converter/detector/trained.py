"""What a finished training of a detector is, and what it leaves in its folder."""

from dataclasses import dataclass
from pathlib import Path

import keras
import msgspec

from converter.models.detector import Model
from converter.recipes.detector import DetectorRecipe
from converter.train.folder import CHECKPOINT, MODEL, RECIPE, read_recipe
from edge.errors import ModelError

SUMMARY = "material.json"
"""What it learnt from."""


class Summary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a detector learnt from, for its card.

    Attributes:
        photographs: learnt from, with faces and without.
        faces: marked in them.
        watched: photographs that were only watched.
        sources: of all of them.
        portraits: faces cut close.
    """

    photographs: int
    faces: int
    watched: int
    sources: tuple[str, ...]
    portraits: int


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained detector.

    Attributes:
        network: of the recipe's size.
        recipe: what it was trained by.
        summary: what it learnt from.
    """

    network: Model
    recipe: DetectorRecipe
    summary: Summary


def open_training(directory: Path) -> Trained:
    """Read what `emotiond-convert train-detector` left in `directory`.

    Raises:
        ModelError: a file is missing or unreadable, or the training is not finished.
    """
    if (directory / CHECKPOINT).exists():
        raise ModelError(f"{directory}: its training is not finished; run train-detector again")
    try:
        recipe = read_recipe(directory, DetectorRecipe)
        summary = msgspec.json.decode((directory / SUMMARY).read_bytes(), type=Summary)
        network = keras.saving.load_model(directory / MODEL, compile=False)
        return Trained(network, recipe, summary)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{directory}: holds no training of a detector ({error}); expected {MODEL}, {SUMMARY} "
            f"and {RECIPE}, as emotiond-convert train-detector writes them"
        ) from error
