"""Which rows a model is measured on, and what was left out of them."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset, Usage
from converter.data.label_sets import LABEL_SETS, LabelSet, ferplus_majority
from edge.errors import DataError

Classes = NDArray[np.int64]
"""Indices into the labels of the model at hand."""

WITHOUT_COPIES = "without copies of Training pictures"
"""What is added to the name of a set of rows from which those were left out."""


class Protocol(StrEnum):
    """What counts as the truth: the data's own labels, or the majority of FER+'s votes."""

    LABELS = "labels"
    FERPLUS = "ferplus"


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows to measure on.

    Attributes:
        name: what they are called.
        pixels: uint8 (n, 48, 48).
        classes: the true class of each, indices into the model's labels, (n,).
        own: which are no copies of a Training picture, bool (n,); None where the data holds no
            Training row to compare with.
        left_out: how many rows of the split were left out, by reason.
    """

    name: str
    pixels: NDArray[np.uint8]
    classes: Classes
    own: NDArray[np.bool_] | None
    left_out: dict[str, int]

    def parts(self) -> dict[str, NDArray[np.bool_]]:
        """Return what is measured, by name: all rows, then those that are no copies."""
        parts = {self.name: np.ones(len(self.classes), dtype=np.bool_)}
        if self.own is not None and self.own.any():
            parts[f"{self.name} {WITHOUT_COPIES}"] = self.own
        return parts


def select(data: Dataset, usage: str, protocol: Protocol, label_set: LabelSet) -> Selection:
    """Return the rows of the split `usage` whose class the model knows.

    Raises:
        DataError: there is no such split, no votes where the protocol needs them, or the model
            knows the class of no row.
    """
    split = data.split(usage)
    judged = _judge(split, protocol)
    kept = label_set.keep(judged)
    name = rows_name(split, majority=protocol is Protocol.FERPLUS)
    if len(kept) == 0:
        raise DataError(f"{name}: the model knows the class of none of the {len(split)} rows")
    return Selection(
        name,
        kept.pixels,
        label_set.classes(kept),
        _own(kept, data),
        _left_out(split, judged, label_set),
    )


def rows_name(test: Dataset, majority: bool = False) -> str:
    """Return what the rows of a split are called, such as "FER2013 PublicTest".

    Args:
        test: rows of one split.
        majority: whether their labels are the majority of FER+'s votes.
    """
    sources = " + ".join(dict.fromkeys(test.source.tolist()))
    return f"{sources} {test.usage[0]}" + (", FER+ majority" if majority else "")


def label_set_of(path: Path, labels: tuple[str, ...], name: str = "") -> LabelSet:
    """Return the label set of a model, its classes in the order of the model's output.

    Args:
        path: the model's file, for the errors.
        labels: as the model's card gives them.
        name: the label set that its card names; empty for a set of its own.

    Raises:
        DataError: a label is not among `EXPRESSIONS`, or the set is unknown or has other labels.
    """
    strange = [label for label in labels if label not in EXPRESSIONS]
    if strange:
        raise DataError(
            f"{path}: expected labels among {', '.join(EXPRESSIONS)}; found {strange[0]!r}: "
            "name the model's classes so, in its card or with --labels"
        )
    named = next((one for key, one in LABEL_SETS.items() if key == name), None)
    if name and (named is None or set(named.labels) != set(labels)):
        known = ", ".join(named.labels if named else LABEL_SETS)
        raise DataError(
            f"{path}: expected {'the labels ' if named else 'a label set among '}{known}, found "
            f"label_set {name!r} with {', '.join(labels)}; correct the card or empty label_set"
        )
    return LabelSet(labels, named.merged if named else {})


def _judge(split: Dataset, protocol: Protocol) -> Dataset:
    if protocol is Protocol.LABELS:
        return split
    if not split.has_votes:
        raise DataError("the FER+ protocol needs FER+'s votes; give --votes fer2013new.csv")
    return ferplus_majority(split)


def _own(kept: Dataset, data: Dataset) -> NDArray[np.bool_] | None:
    training = data.where(data.usage == Usage.TRAINING)
    return ~kept.copies_of(training) if len(training) else None


def _left_out(split: Dataset, judged: Dataset, label_set: LabelSet) -> dict[str, int]:
    undecided = len(split) - len(judged)
    reasons = {"no majority among FER+'s votes, unknown, or not a face": undecided}
    unknown = Counter(EXPRESSIONS[label] for label in judged.labels[label_set.classes(judged) < 0])
    for label, rows in sorted(unknown.items()):
        reasons[f"{label}, which the model does not know"] = rows
    return {reason: rows for reason, rows in reasons.items() if rows}
