"""A Keras network about to become a .tflite: what its card must say and no file tells."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras

from converter.data import Dataset
from converter.data.label_sets import LABEL_SETS, LabelSet
from converter.evaluate.selection import Protocol, rows_name
from converter.models.classifiers import Model
from converter.recipes import Recipe
from converter.train.run_dir import MODEL, NEGATIVES, RECIPE, read_recipe
from edge.errors import ModelError

Head = Literal["logits", "votes"]
"""An output of a trained network: the classes of its label set, or FER+'s eight."""

LICENCE = (
    "Weights: for research use. They were learnt from FER2013, whose pictures are web images "
    "without an open licence, released for research."
)
LIMITS = (
    "It names the expression a face shows, as volunteers labelled web pictures; an expression is "
    "not an inner feeling. Labels are noisy, poses mostly frontal, ages, skins and cultures not "
    "evenly represented. Not for decisions about people."
)


@dataclass(frozen=True, slots=True)
class Export:
    """A network and what is known of it.

    Attributes:
        network: a Keras model from grey values 0-255, (n, side, side, 1), to (n, classes), or to
            a list of that and the logit of a face, (n, 1).
        label_set: the classes in the order of the output.
        label_set_name: empty for a set of its own.
        kind: what the first output is.
        protocol: what counts as the truth when it is measured.
        prior_power: to what power the training classes' shares are divided out of the answers.
        training_data: what it learnt from, in words.
        licence, limits: as the card has them.
    """

    network: Model
    label_set: LabelSet
    label_set_name: str
    kind: Literal["logits", "probabilities"]
    protocol: Protocol
    training_data: str
    prior_power: float = 0.0
    licence: str = LICENCE
    limits: str = LIMITS

    @property
    def side(self) -> int:
        """Width and height of the faces it takes, in pixels."""
        return int(self.network.input_shape[1])

    @property
    def tells_faces(self) -> bool:
        """Whether it has the second output."""
        return len(self.network.outputs) > 1


def open_run(directory: Path, training: Dataset, head: Head = "logits") -> Export:
    """Read what `emotiond-convert train` left in `directory`.

    Args:
        directory: with `model.keras` and `recipe.json`.
        training: the rows it learnt from.
        head: which output names the expressions; `face`, where there is one, is kept beside it.

    Raises:
        ModelError: a file is missing or unreadable, or the head was not trained.
    """
    network, recipe = _load(directory)
    if head == "votes" and not recipe.votes_head:
        raise ModelError(
            f"{directory}: expected a trained head votes, found votes_head 0 in its recipe; "
            "train with a weight for it, or convert the head logits"
        )
    name = recipe.label_set if head == "logits" else "8"
    present = {layer.name for layer in network.layers}
    chosen = [network.get_layer(layer).output for layer in (head, "face") if layer in present]
    return Export(
        keras.Model(network.input, chosen),
        LABEL_SETS[name],
        name,
        "logits",
        Protocol.LABELS if head == "logits" else Protocol.FERPLUS,
        _lesson(recipe, head, rows_name(training)) + _negatives(directory),
        prior_power=recipe.prior_power if head == "votes" else 0.0,
    )


def _load(directory: Path) -> tuple[Model, Recipe]:
    try:
        recipe = read_recipe(directory, Recipe)
        return keras.saving.load_model(directory / MODEL, compile=False), recipe
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{directory}: holds no finished training ({error}); expected {MODEL} and "
            f"{RECIPE}, as emotiond-convert train writes them"
        ) from error


def _negatives(directory: Path) -> str:
    """Say of what photographs, if any, the face output learnt what no face is."""
    try:
        count = len((directory / NEGATIVES).read_text().splitlines())
    except FileNotFoundError:
        return ""
    return (
        " The output face learnt from these faces, whole and spoilt, from drawn patterns, and "
        f"from {count} photographs of rooms, landscapes and objects, which belong to their owners."
    )


def _truth(recipe: Recipe, head: Head) -> str:
    if head == "votes":
        return "FER+'s votes, the labels beside them"
    mixed = f", {recipe.vote_weight:.0%} FER+'s votes" if recipe.vote_weight else ""
    beside = ", FER+'s votes beside them" if recipe.votes_head else ""
    return f"the labels{mixed}{beside}"


def _lesson(recipe: Recipe, head: Head, rows: str) -> str:
    """Say what the head learnt from, in a sentence or two."""
    text = f"{rows}; it learnt {_truth(recipe, head)}. "
    if recipe.distillation:
        teachers = ", ".join(recipe.distillation.teachers)
        text += (
            f"{recipe.distillation.weight:.0%} of each target is what teachers ({teachers}), "
            "trained on the same rows, said. "
        )
    return text + "Training was watched and the temperature fitted on PublicTest."
