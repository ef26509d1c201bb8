"""Labeled faces in memory: the one form that every dataset is read into, its splits and checks."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from hashlib import sha256
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from edge.errors import DataError
from edge.terminal import plural
from edge.types import EXPRESSIONS

VOTED = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
VOTE_COLUMNS = (*VOTED, "unknown", "NF")  # FER+'s ten (arXiv:1608.01041); NF is "not a face"
NOT_A_FACE = 10  # votes for NF, all ten of them, at which a row is no face
VOTE_OF_EXPRESSION = [4, 5, 6, 1, 3, 2, 0, 7]  # the vote column of each of `EXPRESSIONS`
TEST_FRACTION = 0.2  # of the names that become PublicTest in a set that brings no splits
ALL = "all"  # the split of every row


class Usage(StrEnum):
    """The splits, named as FER2013 names them; other sets' splits are called the same."""

    TRAINING = "Training"
    PUBLIC_TEST = "PublicTest"
    PRIVATE_TEST = "PrivateTest"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labeled gray faces, n rows."""

    pixels: NDArray[np.uint8]  # (n, 48, 48)
    labels: NDArray[np.int64]  # indices into `EXPRESSIONS`
    votes: NDArray[np.float32]  # FER+'s, by `VOTE_COLUMNS`, (n, 10); zeros where nobody voted
    usage: NDArray[np.str_]  # values of `Usage`
    source: NDArray[np.str_]  # the name of the set that each row came from
    subject: NDArray[np.str_]  # who each row shows; empty where unknown
    weights: NDArray[np.float32]  # how much each row counts in a training

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Dataset":
        """Return the rows of a mask, bool (n,), or of a list of indices."""
        return Dataset(*(getattr(self, field.name)[rows] for field in fields(self)))

    def sample(self, count: int, seed: int) -> "Dataset":
        """Return `count` rows chosen at random without repeats, or all where there are fewer."""
        return self.select(np.random.default_rng(seed).permutation(len(self))[:count])

    def weighted(self, weight: float) -> "Dataset":
        """Return the same rows, each counting `weight` times as much."""
        return replace(self, weights=self.weights * np.float32(weight))

    def split(self, usage: str) -> "Dataset":
        """Return the rows of one split, or every row for "all"; DataError where there is none."""
        if usage == ALL:
            return self
        mask = self.usage == usage
        if not mask.any():
            known = ", ".join(sorted(set(self.usage.tolist())))
            remedy = "add a set that has the split, or choose another"
            raise DataError(f"expected rows of the split {usage}, found rows of {known}; {remedy}")
        return self.select(mask)

    def with_public_test(self) -> "Dataset":
        """Make PublicTest of one in five Training images, with their copies, where none is yet."""
        if (self.usage == Usage.PUBLIC_TEST).any():
            return self
        held_out = [hash_fraction(face.tobytes()) < TEST_FRACTION for face in self.pixels]
        moved = np.array(held_out) & (self.usage == Usage.TRAINING)
        return replace(self, usage=np.where(moved, str(Usage.PUBLIC_TEST), self.usage))

    def without_non_faces(self) -> "Dataset":
        """Return the rows without constant images and those all ten taggers called no face."""
        return self.select(~self.constant() & ~self.not_a_face())

    def constant(self) -> NDArray[np.bool_]:
        """Return which images are of one gray value only."""
        return np.asarray(self.pixels.reshape(len(self), -1).std(axis=1) == 0)

    def not_a_face(self) -> NDArray[np.bool_]:
        """Return which rows all ten FER+ taggers called "not a face"."""
        return np.asarray(self.votes[:, VOTE_COLUMNS.index("NF")] >= NOT_A_FACE)

    def copies_of(self, other: "Dataset") -> NDArray[np.bool_]:
        """Return which rows repeat an image of `other` to the pixel, bool (n,)."""
        seen = {face.tobytes() for face in other.pixels}
        return np.array([face.tobytes() in seen for face in self.pixels], dtype=np.bool_)


def make_dataset(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    usage: NDArray[np.str_],
    source: str,
    *,
    subject: NDArray[np.str_] | None = None,
    votes: NDArray[np.float32] | None = None,
) -> Dataset:
    """Return the rows of one set, each counting once; what is not known is left empty."""
    rows, weights = len(labels), np.ones(len(labels), np.float32)
    votes = np.zeros((rows, len(VOTE_COLUMNS)), np.float32) if votes is None else votes
    subject = np.full(rows, "") if subject is None else subject
    return Dataset(pixels, labels, votes, usage, np.full(rows, source), subject, weights)


def concatenate(sets: Sequence[Dataset]) -> Dataset:
    """Return the rows of all `sets`, in their order."""
    columns = ([getattr(one, field.name) for one in sets] for field in fields(Dataset))
    return Dataset(*map(np.concatenate, columns))


def split_by_subject(subjects: Sequence[str]) -> NDArray[np.str_]:
    """Return the split of each row: that of its subject; of two or more, one at least is tested."""
    ranked = sorted(set(subjects), key=lambda subject: hash_fraction(subject.encode()))
    tested = max(1, round(TEST_FRACTION * len(ranked))) if len(ranked) > 1 else 0
    test = set(ranked[:tested])
    return np.array([Usage.PUBLIC_TEST if one in test else Usage.TRAINING for one in subjects])


def split_by_name(name: str) -> Usage:
    """Return the split of one image, by its name alone, whatever else comes or goes."""
    fraction = hash_fraction(name.encode(errors="surrogateescape"))
    return Usage.PUBLIC_TEST if fraction < TEST_FRACTION else Usage.TRAINING


def hash_fraction(key: bytes) -> float:
    """Return a number from 0 to 1 by the SHA-256 of a key: the same one every time."""
    return int.from_bytes(sha256(key).digest()[:8]) / 2**64


def check_dataset(data: Dataset) -> Iterator[str]:
    """Say in lines what a dataset holds: classes, copies, contradictions, images of no face."""
    yield plural(len(data), "row")
    for usage in Usage:
        if counts := Counter(data.labels[data.usage == usage].tolist()):
            classes = (f"{EXPRESSIONS[label]} {counts[label]}" for label in sorted(counts))
            yield f"{usage}: {plural(counts.total(), 'row')}: {', '.join(classes)}"
    rows = defaultdict[bytes, list[int]](list)
    for row, face in enumerate(data.pixels):
        rows[face.tobytes()].append(row)
    copied = [group for group in rows.values() if len(group) > 1]
    repeated = sorted(row for group in copied for row in group[1:])
    yield _count("rows that repeat an earlier image", repeated)
    yield _count("rows of one gray", np.flatnonzero(data.constant()))
    yield _count("rows that all ten FER+ taggers called no face", np.flatnonzero(data.not_a_face()))
    for usage, other in permutations(Usage, 2):
        held = np.flatnonzero(data.usage == usage)
        copies = data.select(held).copies_of(data.select(data.usage == other))
        if copies.any():
            yield _count(f"rows of {usage} that repeat an image of {other}", held[copies])
    conflicts = [group for group in copied if len(set(data.labels[group])) > 1]
    groups = [", ".join(map(str, group)) for group in conflicts]
    yield _count("images that stand in rows with different labels", groups, "; ")


def _count(what: str, found: Sequence[object] | NDArray[np.int64], between: str = ", ") -> str:
    such_as = f", such as {between.join(map(str, found[:5]))}" if len(found) else ""
    return f"{what}: {len(found)}{such_as}"
