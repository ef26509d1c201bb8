"""Models to be converted: those trained here, with what their card must say, and those of others.

Of the latter their user describes the classes, and what they take for black and white.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from converter.data import Dataset, label_sets
from converter.data.label_sets import LABEL_SETS, Classes, LabelProtocol, LabelSet, Selection
from converter.evaluate.predictor import Logits, OutputKind, keras_values
from converter.evaluate.report import mcnemar
from converter.models import Model
from converter.recipes import Recipe
from converter.train.run_dir import MODEL, NEGATIVES, RECIPE, load_network, read_recipe
from edge.errors import ConfigError, ModelError

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

RANGES = {"0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0), "0..255": (1.0, 0.0)}
"""Scale and offset that make a gray value 0-255 the input, `value * scale + offset`."""

SAMPLE = 500  # faces on which the input range and the order of the labels are checked
MIN_GAIN = 0.03  # of mean recall by another range or order, before that is named
MAX_CHANCE = 1e-4  # that explains it (McNemar): the best of 5,040 orders gains 0.05 of noise


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
    protocol: LabelProtocol = "ferplus" if head == "votes" else "labels"
    power, learned = recipe.prior_power, "FER+'s votes, the labels beside them"
    if head == "logits":
        power = 0.0
        learned = "the labels" + (", FER+'s votes beside them" if recipe.votes_head else "")
    text = f"{label_sets.rows_name(training)}; it learnt {learned}. "
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


class InputScaling(NamedTuple):
    """Values that a model takes: a gray value 0-255 enters as `value * scale + offset`."""

    options: str  # how the command names it, such as "--input 0..1"
    scale: NDArray[np.float32]  # one number, one for each channel, or one for each pixel
    offset: NDArray[np.float32]

    def for_shape(
        self, side: int, channels: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return them as they broadcast over (side, side, channels); ConfigError if they do not."""
        whole: dict[int, tuple[int, ...]] = {side * side * channels: (side, side, channels)}
        shapes = whole | {side * side: (side, side, 1), channels: (channels,), 1: ()}
        for found in (self.scale.size, self.offset.size):
            if found not in shapes:
                some = "one number" + (f", {channels}" if channels > 1 else "")
                wanted = f"expected {some} or {side} x {side}"
                raise ConfigError(f"--mean, --std: {wanted}, found {found}")
        scale, offset = (one.reshape(shapes[one.size]) for one in (self.scale, self.offset))
        return scale, offset


class ModelDescription(NamedTuple):
    """Properties of a model that its file does not hold."""

    labels: tuple[str, ...]
    scaling: InputScaling
    side: int | None = None  # of its faces in pixels; None where the model itself says so


def parse_labels(text: str) -> tuple[str, ...]:
    """Parse labels parted by commas; those that mean an expression get its usual name.

    ConfigError where there are fewer than two, an empty one, or two of the same meaning.
    """
    names = [name.strip() for name in text.split(",")]
    labels = tuple(label_sets.find_expression(name) or name for name in names)
    if not (len(labels) > 1 and len(set(labels)) == len(labels) and all(labels)):
        wanted = "different names such as angry,happy,sad"
        raise ConfigError(f"--labels: expected {wanted}, found {text!r}")
    return labels


def parse_scaling(entry: str, mean: str | None = None, std: str | None = None) -> InputScaling:
    """Parse a range of `RANGES`, and the mean and deviation that values in it are standardized by.

    These are numbers parted by commas, or the path of an .npy; else a ConfigError.
    """
    if entry not in RANGES:
        raise ConfigError(f"--input: expected one of {', '.join(RANGES)}, found {entry!r}")
    scale, offset = RANGES[entry]
    means, deviations = _numbers("--mean", mean or "0"), _numbers("--std", std or "1")
    if not (deviations > 0).all():
        raise ConfigError("--std: expected numbers above 0; add the small one of your training")
    options = f"--input {entry}" + (f" --mean {mean}" if mean else "")
    options += f" --std {std}" if std else ""
    scaled = np.float32(scale) / deviations
    return InputScaling(options, scaled, (np.float32(offset) - means) / deviations)


def _numbers(option: str, text: str) -> NDArray[np.float32]:
    try:
        numbers = np.load(text) if text.endswith(".npy") else np.array(text.split(","))
        numbers = numbers.astype(np.float32).ravel()
    except (OSError, ValueError) as error:
        wanted = "numbers such as 0.485,0.456,0.406 or an .npy"
        raise ConfigError(f"{option}: expected {wanted}, found {text!r} ({error})") from error
    if not np.isfinite(numbers).all():
        raise ConfigError(f"{option}: expected finite numbers, found {text!r}")
    return numbers


def check_by_measuring(
    path: Path,
    description: ModelDescription,
    rows: Selection,
    answer: Callable[[ModelDescription, NDArray[np.uint8]], Logits],
) -> None:
    """Refuse an input range or an order of labels that another one beats by far.

    `rows` are faces with their true classes, by the labels described, to which `answer` gives the
    logits of the model at `path`. ModelError where another one does; the text names it.
    """
    sample = np.random.default_rng(0).permutation(len(rows.classes))[:SAMPLE]
    faces, classes = rows.pixels[sample], rows.classes[sample]
    given, labels = description.scaling, description.labels
    standardized = parse_scaling("0..255", f"{faces.mean():.0f}", f"{faces.std():.0f}")
    tried = {one.options: one for one in (given, *map(parse_scaling, RANGES), standardized)}
    outputs = {
        options: answer(description._replace(scaling=one), faces).argmax(axis=1)
        for options, one in tried.items()
    }
    orders = {}  # the label of each output that makes the mean recall highest
    for key, chosen in outputs.items():
        counts = np.zeros((len(labels), len(labels)))
        np.add.at(counts, (chosen, classes), 1)
        shares = counts / np.maximum(counts.sum(axis=0), 1)
        orders[key] = linear_sum_assignment(shares, maximize=True)[1]
    right = {key: orders[key][chosen] == classes for key, chosen in outputs.items()}
    better, best = [], given.options
    # Stable: of ranges that do equally well the first, and standardized values last.
    for key in sorted(tried, key=lambda key: (key == standardized.options, -right[key].mean())):
        if _beats(right[key], right[best], classes):
            best, better = key, [key]
    if _beats(right[best], outputs[best] == classes, classes):
        better.append("--labels " + ",".join(labels[index] for index in orders[best]))
    if better:
        plain = (outputs[given.options] == classes).mean()
        found = f"with {given.options} it names {plain:.0%} of {len(faces)} faces rightly"
        other = f"with {' '.join(better)} {right[best].mean():.0%}"
        raise ModelError(f"{path}: {found}, {other}; correct the options, or --force takes them")


def _beats(right: NDArray[np.bool_], other: NDArray[np.bool_], classes: Classes) -> bool:
    """Tell whether answers are right by far more often than others, chance aside."""
    gains = [right[classes == one].mean() - other[classes == one].mean() for one in set(classes)]
    return float(np.mean(gains)) > MIN_GAIN and mcnemar(right, other) < MAX_CHANCE
