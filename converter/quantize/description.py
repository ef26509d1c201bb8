"""Properties that the file of somebody's model does not hold, told by whoever converts it.

They are its classes, and what it takes for black and white; both are checked by measuring.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data.label_sets import Classes, Selection, find_expression
from converter.evaluate.metrics import mcnemar
from converter.evaluate.predictor import Logits
from edge.errors import ConfigError, ModelError

RANGES = {"0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0), "0..255": (1.0, 0.0)}
"""Scale and offset that make a gray value 0-255 the input, `value * scale + offset`."""

SAMPLE = 500
"""Faces on which the input range and the order of the labels are checked."""

MIN_GAIN, MAX_CHANCE = 0.03, 1e-4
"""By how much another range or order has to raise the mean recall before it is named, and how
likely chance may explain that (McNemar). The best of 5,040 orders gains 0.05 of noise alone."""

MOST_LABELS = 8
"""Labels whose orders are all tried: 40,320 take a second."""


@dataclass(frozen=True, slots=True)
class InputScaling:
    """Values that a model takes: a gray value 0-255 enters as `value * scale + offset`.

    Attributes:
        options: how the command names it, such as "--input 0..1".
        scale, offset: one number, one for each channel, or one for each pixel.
    """

    options: str
    scale: NDArray[np.float32]
    offset: NDArray[np.float32]

    def for_shape(
        self, side: int, channels: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return scale and offset in shapes that broadcast over (side, side, channels).

        Raises:
            ConfigError: they are as many as neither channels nor pixels are.
        """
        shapes = ((), (channels,), (side, side, 1), (side, side, channels))
        found = []
        for values in (self.scale, self.offset):
            shape = next((one for one in shapes if np.prod(one) == values.size), None)
            if shape is None:
                some = "one number" if channels == 1 else f"one number, {channels}"
                raise ConfigError(
                    f"--mean, --std: expected {some} or {side} x {side}, found {values.size}"
                )
            found.append(values.reshape(shape))
        return found[0], found[1]


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """Properties of a model that its file does not hold.

    Attributes:
        labels: the classes in the order of the output.
        scaling: what it takes for black and white.
        side: width and height of its faces in pixels; None where the model itself says so.
    """

    labels: tuple[str, ...]
    scaling: InputScaling
    side: int | None = None


def parse_labels(text: str) -> tuple[str, ...]:
    """Parse labels parted by commas; those that mean an expression get its usual name.

    Raises:
        ConfigError: there are fewer than two, an empty one, or two of the same meaning.
    """
    names = [name.strip() for name in text.split(",")]
    labels = tuple(find_expression(name) or name for name in names)
    if not (len(labels) > 1 and len(set(labels)) == len(labels) and all(labels)):
        raise ConfigError(
            f"--labels: expected different names such as angry,happy,sad, found {text!r}"
        )
    return labels


def parse_scaling(entry: str, mean: str | None = None, std: str | None = None) -> InputScaling:
    """Parse the range of a model's values, and the mean and deviation they were standardized by.

    Args:
        entry: one of `RANGES`.
        mean: of values in that range: numbers parted by commas, or the path of an .npy.
        std: the same of their deviation.

    Raises:
        ConfigError: one of them is something else.
    """
    if entry not in RANGES:
        raise ConfigError(f"--input: expected one of {', '.join(RANGES)}, found {entry!r}")
    scale, offset = RANGES[entry]
    means, deviations = _numbers("--mean", mean or "0"), _numbers("--std", std or "1")
    if not (deviations > 0).all():
        raise ConfigError("--std: expected numbers above 0; add the small one of your training")
    options = f"--input {entry}" + (f" --mean {mean}" if mean else "")
    return InputScaling(
        options + (f" --std {std}" if std else ""),
        np.float32(scale) / deviations,
        (np.float32(offset) - means) / deviations,
    )


def _numbers(option: str, text: str) -> NDArray[np.float32]:
    try:
        numbers = np.load(text) if text.endswith(".npy") else np.array(text.split(","))
        numbers = numbers.astype(np.float32).ravel()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{option}: expected numbers such as 0.485,0.456,0.406 or an .npy, found {text!r} "
            f"({error})"
        ) from error
    if not np.isfinite(numbers).all():
        raise ConfigError(f"{option}: expected finite numbers, found {text!r}")
    return numbers


def check_by_measuring(
    path: Path,
    description: ModelDescription,
    rows: Selection,
    answer: Callable[[InputScaling, NDArray[np.uint8]], Logits],
) -> None:
    """Refuse an input range or an order of labels that another one beats by far.

    Args:
        path: the model, for the error.
        description: what is checked.
        rows: faces with their true classes, by the labels given.
        answer: gives the logits of faces whose values are scaled so.

    Raises:
        ModelError: another one does; the text names it.
    """
    chosen = np.random.default_rng(0).permutation(len(rows.classes))[:SAMPLE]
    faces, classes = rows.pixels[chosen], rows.classes[chosen]
    standard = f"{faces.mean():.0f}", f"{faces.std():.0f}"
    others = [*map(parse_scaling, RANGES), parse_scaling("0..255", *standard)]
    given, *tried = [
        _Trial(scaling, answer(scaling, faces).argmax(axis=1), classes, len(description.labels))
        for scaling in (description.scaling, *others)
    ]
    best = max(tried, key=lambda trial: trial.recall(trial.order))
    found = []
    if best.beats(given, best.order, given.order):
        found.append(
            f"with {given.scaling.options} it names {given.share(given.order):.0%} of the faces "
            f"rightly, with {best.scaling.options} {best.share(best.order):.0%}"
        )
    else:
        best = given
    plain = tuple(range(len(description.labels)))
    if best.beats(best, best.order, plain):
        labels = ",".join(description.labels[index] for index in best.order)
        found.append(
            f"with the labels as given it names {best.share(plain):.0%} of them rightly, with "
            f"--labels {labels} {best.share(best.order):.0%}"
        )
    if found:
        raise ModelError(
            f"{path}: {'; '.join(found)} (measured on {len(faces)} of {rows.name}, the best order "
            "of labels for each range); correct the options, or --force takes them as they are"
        )


class _Trial:
    """Answers under one scaling, and the order of labels that suits them best."""

    def __init__(
        self, scaling: InputScaling, chosen: Classes, classes: Classes, labels: int
    ) -> None:
        self.scaling, self._chosen, self._classes = scaling, chosen, classes
        counts = np.zeros((labels, labels))
        np.add.at(counts, (chosen, classes), 1)
        self._shares = counts / np.maximum(counts.sum(axis=0), 1)
        orders = permutations(range(labels)) if labels <= MOST_LABELS else [tuple(range(labels))]
        self.order = max(orders, key=self.recall)

    def recall(self, order: Sequence[int]) -> float:
        """Return the mean recall where output k means label `order[k]`."""
        return float(self._shares[np.arange(len(order)), order].mean())

    def share(self, order: Sequence[int]) -> float:
        """Return the share of rows that are right by an order."""
        return float(self._right(order).mean())

    def beats(self, other: "_Trial", order: Sequence[int], others: Sequence[int]) -> bool:
        """Tell whether it is better by far, each by an order of labels."""
        gain = self.recall(order) - other.recall(others)
        chance = mcnemar(self._right(order), other._right(others))
        return gain > MIN_GAIN and chance < MAX_CHANCE

    def _right(self, order: Sequence[int]) -> NDArray[np.bool_]:
        return np.asarray(np.array(order)[self._chosen] == self._classes)
