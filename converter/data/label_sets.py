"""Label sets: the classes a model knows, and the rows of a dataset that it can be measured on."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import ALL, VOTE_OF_EXPRESSION, Dataset, Usage
from edge.errors import DataError
from edge.types import EXPRESSIONS

LabelSetName = Literal["5", "6", "7", "8", "ck"]
LabelProtocol = Literal["labels", "ferplus"]  # truth: the data's own, or most of FER+'s votes
Classes = NDArray[np.int64]  # indices into the labels of the model at hand
WITHOUT_COPIES = "without copies of Training pictures"  # ends the name of what is left

NOUNS = {"anger": "angry", "happiness": "happy", "joy": "happy", "sadness": "sad"}
ADJECTIVES = {"afraid": "fear", "disgusted": "disgust", "fearful": "fear", "surprised": "surprise"}
SYNONYMS = NOUNS | ADJECTIVES  # what other sets and models call the expressions
Codes = Mapping[str, str | None]  # the expression that a code stands for; None is left out


def find_expression(name: str) -> str | None:
    """Return the one of `EXPRESSIONS` that a name means, such as Joy or 0_anger; None if none."""
    plain = re.sub(r"^\d+[\W_]+", "", name.strip().lower())
    plain = SYNONYMS.get(plain, plain)
    return plain if plain in EXPRESSIONS else None


def _numbered(*names: str, first: int = 0) -> dict[str, str]:
    return {str(number): name for number, name in enumerate(names, first)}


FER2013 = _numbered(*EXPRESSIONS[:7])
AFFECTNET = _numbered("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
CKPLUS = _numbered("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
RAF_DB = _numbered("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral", first=1)
NUMBERINGS = {"RAF-DB": RAF_DB, "AffectNet": AFFECTNET, "FER2013": FER2013}


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A choice of classes, in the order of the model's output."""

    labels: tuple[str, ...]
    merged: dict[str, str] = field(default_factory=dict)  # classes that count as another

    def mapping(self) -> Classes:
        """Return the class, (8,), of each of `EXPRESSIONS`; -1 where it is left out."""
        names = [self.merged.get(name, name) for name in EXPRESSIONS]
        return np.array([self.labels.index(name) if name in self.labels else -1 for name in names])

    def classes(self, data: Dataset) -> Classes:
        """Return the class of each row, (n,); -1 where it is left out."""
        return np.asarray(self.mapping()[data.labels])

    def keep(self, data: Dataset) -> Dataset:
        """Return the rows whose label belongs to the set; their labels stay as they are."""
        return data.select(self.classes(data) >= 0)

    def votes(self, data: Dataset) -> NDArray[np.float32]:
        """Return FER+'s votes, float32 (n, classes), for the classes of the set."""
        counted = self.mapping()[:, None] == np.arange(len(self.labels))
        return np.asarray(data.votes[:, VOTE_OF_EXPRESSION] @ counted.astype(np.float32))


def vote_shares(votes: NDArray[np.float32], otherwise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each row of `votes` as shares that sum to 1; a row without votes is `otherwise`."""
    total = votes.sum(axis=1, keepdims=True)
    return np.where(total > 0, votes / np.maximum(total, 1), otherwise).astype(np.float32)


LABEL_SETS: dict[LabelSetName, LabelSet] = {
    "5": LabelSet(("happy", "angry", "sad", "neutral", "surprise")),
    "6": LabelSet(("angry", "fear", "happy", "sad", "surprise", "neutral"), {"disgust": "angry"}),
    "7": LabelSet(EXPRESSIONS[:7]),
    "8": LabelSet(EXPRESSIONS),
    "ck": LabelSet(tuple(name for name in EXPRESSIONS if name != "neutral")),
}
"""5: those read most reliably; 6: disgust, of which FER2013 has few, counts as angry; 7: FER2013's;
8: FER+'s, with contempt; ck: those of CK+'s class folders, which hold no neutral face."""


def clear_votes(data: Dataset) -> NDArray[np.float32]:
    """Return FER+'s votes over its expressions, float32 (n, 8), single ones, or slips, dropped."""
    votes = LABEL_SETS["8"].votes(data)
    return np.where(votes > 1, votes, 0).astype(np.float32)


def ferplus_majority(data: Dataset) -> Dataset:
    """Return the rows on whose class most FER+ taggers agree, with that class as their label.

    As published (Barsoum et al. 2016, arXiv:1608.01041): the leading class needs more than half of
    the votes that are not single, rows of a majority for "unknown" or "not a face" are dropped.
    """
    votes = np.where(data.votes > 1, data.votes, 0)
    leading = votes.argmax(axis=1)
    keep = (votes.max(axis=1) > votes.sum(axis=1) / 2) & (leading < len(EXPRESSIONS))
    return replace(data.select(keep), labels=np.argsort(VOTE_OF_EXPRESSION)[leading[keep]])


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows to measure on."""

    name: str
    pixels: NDArray[np.uint8]  # (n, 48, 48)
    classes: Classes
    unique: NDArray[np.bool_] | None  # (n,), no copy of a Training image; None: nothing to compare
    excluded: dict[str, int]  # rows left out, by reason

    def parts(self) -> dict[str, NDArray[np.bool_]]:
        """Return the rows of each measurement, by name: all, then those that are no copies."""
        parts = {self.name: np.ones(len(self.classes), dtype=np.bool_)}
        if self.unique is not None and self.unique.any():
            parts[f"{self.name} {WITHOUT_COPIES}"] = self.unique
        return parts


def select_rows(data: Dataset, usage: str, protocol: LabelProtocol, labels: LabelSet) -> Selection:
    """Return the rows of a split whose class the model knows; DataError where there are none."""
    split = labeled = data.split(usage)
    if protocol == "ferplus":
        if not split.votes.any():
            raise DataError("the FER+ protocol needs FER+'s votes; give --votes fer2013new.csv")
        labeled = ferplus_majority(split)
    kept = labels.keep(labeled)
    name = rows_name(split) + (", FER+ majority" if labeled is not split else "")
    if len(kept) == 0:
        raise DataError(f"{name}: the model knows the class of none of the {len(split)} rows")
    training = data.select(data.usage == Usage.TRAINING)
    comparable = len(training) and not (kept.usage == Usage.TRAINING).any()
    excluded = {"no majority among FER+'s votes, unknown, or not a face": len(split) - len(labeled)}
    unknown = Counter(labeled.labels[labels.classes(labeled) < 0].tolist())
    for label, rows in sorted(unknown.items()):
        excluded[f"{EXPRESSIONS[label]}, which the model does not know"] = rows
    return Selection(
        name,
        kept.pixels,
        labels.classes(kept),
        ~kept.copies_of(training) if comparable else None,
        {reason: rows for reason, rows in excluded.items() if rows},
    )


def rows_name(test: Dataset) -> str:
    """Return what the rows of a split, or of all, are called, such as "FER2013 PublicTest"."""
    sources = " + ".join(dict.fromkeys(test.source.tolist()))
    splits = set(test.usage.tolist())
    return f"{sources} {splits.pop() if len(splits) == 1 else ALL}"


def label_set_for(path: Path, labels: tuple[str, ...], name: str = "") -> LabelSet:
    """Return the label set of a model, by its card's `name` if any; DataError where it is none."""
    known = [find_expression(label) for label in labels]
    if None in known:
        remedy = "name the model's classes so, in its card or with --labels"
        wanted, found = ", ".join(EXPRESSIONS), labels[known.index(None)]
        raise DataError(f"{path}: expected labels among {wanted}; found {found!r}: {remedy}")
    labels = tuple(filter(None, known))
    named = {str(key): one for key, one in LABEL_SETS.items()}.get(name)
    if name and (named is None or set(named.labels) != set(labels)):
        valid = ", ".join(named.labels if named else LABEL_SETS)
        valid = f"{'the labels' if named else 'a label set among'} {valid}"
        found = f"label_set {name!r} with {', '.join(labels)}; correct the card or empty label_set"
        raise DataError(f"{path}: expected {valid}, found {found}")
    return LabelSet(labels, named.merged if named else {})
