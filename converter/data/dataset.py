"""Labelled faces in memory: the one form that every set of faces is read into."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge.errors import DataError

VOTE_COLUMNS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
"""FER+'s ten vote columns (Barsoum et al. 2016, arXiv:1608.01041); NF is "not a face"."""

NOT_A_FACE = 10
"""Votes for NF, all ten of them, at which a row is no face."""

VOTE_OF_EXPRESSION = [4, 5, 6, 1, 3, 2, 0, 7]
"""The column of `VOTE_COLUMNS` that stands for each of `EXPRESSIONS`."""


class Usage(StrEnum):
    """The splits, named as FER2013 names them; other sets' splits are called the same."""

    TRAINING = "Training"
    PUBLIC_TEST = "PublicTest"
    PRIVATE_TEST = "PrivateTest"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled grey faces.

    Attributes:
        pixels: uint8 (n, 48, 48).
        labels: int64 (n,), indices into `EXPRESSIONS`.
        votes: float32 (n, 10), FER+'s votes in the order of `VOTE_COLUMNS`; zeros where nobody
            voted.
        usage: the split of each row, str (n,), values of `Usage`.
        source: the name of the set each row came from, str (n,).
        subject: who each row shows, str (n,); empty where unknown.
        weights: how much each row counts in a training, float32 (n,).
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32]
    usage: NDArray[np.str_]
    source: NDArray[np.str_]
    subject: NDArray[np.str_]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def has_votes(self) -> bool:
        """Whether any row has FER+'s votes."""
        return bool(self.votes.any())

    def where(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Dataset":
        """Return the rows that a mask or a list of indices names."""
        return Dataset(*(getattr(self, field.name)[rows] for field in fields(self)))

    def drawn(self, count: int, seed: int) -> "Dataset":
        """Return so many rows, or all where there are no more, drawn by `seed`."""
        return self.where(np.random.default_rng(seed).permutation(len(self))[:count])

    def weighted(self, weight: float) -> "Dataset":
        """Return the same rows, each counting `weight` times as much."""
        return replace(self, weights=self.weights * np.float32(weight))

    def split(self, usage: str) -> "Dataset":
        """Return the rows of one split.

        Raises:
            DataError: no row belongs to it.
        """
        mask = self.usage == usage
        if not mask.any():
            known = ", ".join(sorted(set(self.usage.tolist())))
            raise DataError(f"no row has usage '{usage}'; the data has {known}")
        return self.where(mask)

    def faces(self) -> "Dataset":
        """Return the rows that are pictures of a face.

        Dropped are constant pictures, and rows that all ten FER+ taggers called "not a face".
        """
        return self.where(~self.constant() & ~self.not_a_face())

    def constant(self) -> NDArray[np.bool_]:
        """Tell, bool (n,), which pictures are all of one grey."""
        return np.asarray(self.pixels.reshape(len(self), -1).std(axis=1) == 0)

    def not_a_face(self) -> NDArray[np.bool_]:
        """Tell, bool (n,), which rows all ten FER+ taggers called "not a face"."""
        return np.asarray(self.votes[:, VOTE_COLUMNS.index("NF")] >= NOT_A_FACE)

    def distinct(self) -> "Dataset":
        """Return the rows whose picture no earlier row shows."""
        _, first = np.unique(self.pixels.reshape(len(self), -1), axis=0, return_index=True)
        return self.where(np.isin(np.arange(len(self)), first))

    def copies_of(self, other: "Dataset") -> NDArray[np.bool_]:
        """Tell, bool (n,), which rows repeat a picture of `other` to the pixel."""
        seen = {face.tobytes() for face in other.pixels}
        return np.array([face.tobytes() in seen for face in self.pixels], dtype=np.bool_)


def dataset(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    usage: NDArray[np.str_],
    source: str,
    *,
    subject: NDArray[np.str_] | None = None,
    votes: NDArray[np.float32] | None = None,
) -> Dataset:
    """Return the rows of one set, each counting once; what is not known is left empty."""
    rows = len(labels)
    return Dataset(
        pixels,
        labels,
        np.zeros((rows, len(VOTE_COLUMNS)), dtype=np.float32) if votes is None else votes,
        usage,
        np.full(rows, source),
        np.full(rows, "") if subject is None else subject,
        np.ones(rows, dtype=np.float32),
    )


def combine(sets: Sequence[Dataset]) -> Dataset:
    """Return the rows of all `sets`, in their order."""
    return Dataset(
        *(np.concatenate([getattr(one, field.name) for one in sets]) for field in fields(Dataset))
    )
