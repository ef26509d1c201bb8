"""Trained models to be converted: a Keras network and what its card must say."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from numpy.typing import NDArray

from converter.data import Dataset
from converter.data.label_sets import LABEL_SETS, LabelProtocol, LabelSet, rows_name
from converter.evaluate.predictor import OutputKind, keras_values
from converter.models.classifiers import Model
from converter.recipes import Recipe
from converter.train.run_dir import MODEL, NEGATIVES, RECIPE, load_network, read_recipe
from edge.errors import ModelError

Head = Literal["logits", "votes"]  # the classes of the label set, or FER+'s eight

LICENSE = (
    "Weights: for research use. They were learnt from FER2013, whose images come from the web "
    "without an open licence, released for research."
)
CONVERTED = "Unknown: converted from {}."  # the training data of somebody else's model
LIMITS = (
    "It names the expression a face shows, as volunteers labelled web images; an expression is "
    "not an inner feeling. Labels are noisy, poses mostly frontal, ages, skins and cultures not "
    "evenly represented. Not for decisions about people."
)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A network and what is known of it."""

    network: Model  # gray 0-255, (n, side, side, 1), to (n, classes), or that and a face's logit
    label_set: LabelSet
    label_set_name: str  # empty for a set of its own
    kind: OutputKind
    protocol: LabelProtocol
    training_data: str
    prior_power: float = 0.0  # to which the classes' shares are divided out of the answers
    license: str = LICENSE

    @property
    def side(self) -> int:
        """Width and height of the faces it takes, in pixels."""
        return int(self.network.input_shape[1])


def load_run(directory: Path, training: Dataset, head: Head = "logits") -> TrainedModel:
    """Read what `emotiond-convert train` left in `directory` of the `training` rows.

    The output `head` names the expressions; `face`, where there is one, is kept beside it.
    ModelError where a file is unreadable, the head untrained, or a weight or an answer not finite.
    """
    try:
        recipe = read_recipe(directory, Recipe)
    except (OSError, ValueError) as error:
        wanted = f"expected {MODEL} and {RECIPE}, as emotiond-convert train writes them"
        raise ModelError(f"{directory}: holds no finished training ({error}); {wanted}") from error
    network = load_network(directory / MODEL)
    if head == "votes" and not recipe.votes_head:
        found = "found votes_head 0 in its recipe; train with a weight for it, or convert logits"
        raise ModelError(f"{directory}: expected a trained head votes, {found}")
    name = recipe.label_set if head == "logits" else "8"
    present = {layer.name for layer in network.layers}
    outputs = [network.get_layer(layer).output for layer in (head, "face") if layer in present]
    exported = keras.Model(network.input, outputs)
    refuse_non_finite(exported, directory / MODEL)
    power, protocol = 0.0, LabelProtocol.LABELS
    learned = "the labels" + (", FER+'s votes beside them" if recipe.votes_head else "")
    if head == "votes":
        power, protocol = recipe.prior_power, LabelProtocol.FERPLUS
        learned = "FER+'s votes, the labels beside them"
    text = f"{rows_name(training)}; it learnt {learned}. "
    if recipe.distillation:
        teachers = ", ".join(recipe.distillation.teachers)
        text += (
            f"{recipe.distillation.weight:.0%} of each target is what teachers ({teachers}), "
            "trained on the same rows, said. "
        )
    text += "Training was watched and the temperature fitted on PublicTest."
    if (negatives := directory / NEGATIVES).exists():
        text += (
            " The output face learnt from these faces, whole and spoilt, from drawn patterns, and "
            f"from {len(negatives.read_text().splitlines())} photographs of rooms, landscapes and "
            "objects, which belong to their owners."
        )
    return TrainedModel(exported, LABEL_SETS[name], name, "logits", protocol, text, power)


def probe_images(side: int) -> NDArray[np.uint8]:
    """Return black, white, and eight images of noise, uint8 (10, side, side)."""
    images = np.random.default_rng(0).integers(0, 256, (10, side, side), dtype=np.uint8)
    images[0], images[1] = 0, 255
    return images


def refuse_non_finite(network: Model, path: Path) -> None:
    """Raise a ModelError where weights or answers are NaN or infinite."""
    remedy = "its training diverged: take an earlier checkpoint, or train with a lower rate"
    for weight in network.weights:
        if not np.isfinite(weight.numpy()).all():
            found = f"found NaN or infinity in {weight.path}"
            raise ModelError(f"{path}: expected finite weights, {found}; {remedy}")
    if not np.isfinite(keras_values(network, probe_images(network.input_shape[1]))).all():
        raise ModelError(f"{path}: expected finite answers, found NaN or infinity; {remedy}")
