"""Labelled faces in memory, read from the files their publishers ship."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from edge.errors import DataError

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's classes in the order of its label numbers (Goodfellow et al. 2013, arXiv:1307.0414)."""

SIDE = 48
"""FER2013's pictures are 48 pixels wide and high."""

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
"""FER+'s ten vote columns (Barsoum et al. 2016, arXiv:1608.01041); NF means "not a face"."""

_VOTE_OF_LABEL = [4, 5, 6, 1, 3, 2, 0]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled grey faces.

    Attributes:
        pixels: uint8 (n, 48, 48).
        labels: int64 (n,), indices into `LABELS`.
        votes: float32 (n, 10), FER+'s votes in the order of `VOTE_COLUMNS`, or None.
        usage: the split of each row, str (n,): Training, PublicTest or PrivateTest.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32] | None
    usage: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, mask: NDArray[np.bool_]) -> "Dataset":
        """Return the rows for which `mask` is true."""
        votes = None if self.votes is None else self.votes[mask]
        return Dataset(self.pixels[mask], self.labels[mask], votes, self.usage[mask])

    def split(self, usage: str) -> "Dataset":
        """Return the rows of one split.

        Raises:
            DataError: no row belongs to it.
        """
        mask = self.usage == usage
        if not mask.any():
            known = ", ".join(sorted(set(self.usage.tolist())))
            raise DataError(f"no row has usage {usage!r}; the data has {known}")
        return self.where(mask)

    def faces(self) -> "Dataset":
        """Return the rows that are pictures of a face.

        Dropped are constant pictures, and rows that all ten FER+ taggers called "not a face".
        """
        keep = self.pixels.reshape(len(self), -1).std(axis=1) > 0
        if self.votes is not None:
            keep &= self.votes[:, VOTE_COLUMNS.index("NF")] < 10
        return self.where(keep)

    def distinct(self) -> "Dataset":
        """Return the rows whose picture no earlier row shows."""
        _, first = np.unique(self.pixels.reshape(len(self), -1), axis=0, return_index=True)
        return self.where(np.isin(np.arange(len(self)), first))

    def copies_of(self, other: "Dataset") -> NDArray[np.bool_]:
        """Tell, bool (n,), which rows repeat a picture of `other` to the pixel."""
        seen = {face.tobytes() for face in other.pixels}
        return np.array([face.tobytes() in seen for face in self.pixels])

    def targets(self, vote_weight: float) -> NDArray[np.float32]:
        """Return training targets, float32 (n, 7), each row summing to 1.

        A row is `1 - vote_weight` parts FER2013's label and `vote_weight` parts FER+'s votes over
        the seven classes. Where a row has no such vote, it is its label alone.

        Raises:
            DataError: votes are asked for and there are none.
        """
        one_hot = np.eye(len(LABELS), dtype=np.float32)[self.labels]
        if vote_weight == 0:
            return one_hot
        if self.votes is None:
            raise DataError("the targets need FER+'s votes; give --votes fer2013new.csv")
        votes = self.votes[:, _VOTE_OF_LABEL]
        total = votes.sum(axis=1, keepdims=True)
        shares = np.where(total > 0, votes / np.maximum(total, 1), one_hot)
        return ((1 - vote_weight) * one_hot + vote_weight * shares).astype(np.float32)


def load_fer2013(path: Path, votes_path: Path | None = None) -> Dataset:
    """Read Kaggle's fer2013.csv, and FER+'s fer2013new.csv beside it when given.

    Raises:
        DataError: a file is missing or malformed; the text names file and row.
    """
    labels, pixels, usage = [], [], []
    for row, record in _records(path, ("emotion", "pixels", "Usage")):
        labels.append(_parse_label(record["emotion"], path, row))
        pixels.append(_parse_pixels(record["pixels"], path, row))
        usage.append(record["Usage"])
    if not labels:
        raise DataError(f"{path}: expected rows below the header, found none")
    votes = None if votes_path is None else _load_votes(votes_path, usage)
    return Dataset(np.stack(pixels), np.array(labels), votes, np.array(usage))


def _records(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, record) of a csv, after checking that it has `columns`."""
    with _opened(path) as file:
        reader = csv.DictReader(file)
        try:
            _check_columns(path, reader, columns)
            for record in reader:
                if None in record.values():
                    raise DataError(f"{path}: row {reader.line_num} is cut short; is it whole?")
                yield reader.line_num, record
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path}: behind row {reader.line_num}: is no csv: {error}") from error


def _check_columns(path: Path, reader: "csv.DictReader[str]", columns: tuple[str, ...]) -> None:
    # Some of Kaggle's files begin their column names with a space.
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    missing = [name for name in columns if name not in reader.fieldnames]
    if missing:
        found = ", ".join(reader.fieldnames) or "nothing"
        raise DataError(f"{path}: expected the column {missing[0]!r}, found {found}")


def _opened(path: Path) -> TextIO:
    try:
        return path.open(newline="", encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _parse_label(text: str, path: Path, row: int) -> int:
    if text.isdecimal() and int(text) < len(LABELS):
        return int(text)
    raise DataError(f"{path}: row {row}: expected a label from 0 to 6, found {text!r}")


def _parse_pixels(text: str, path: Path, row: int) -> NDArray[np.uint8]:
    try:
        values = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}: row {row}: expected grey values, found {error}") from error
    if values.size != SIDE * SIDE:
        raise DataError(f"{path}: row {row}: expected {SIDE * SIDE} pixels, found {values.size}")
    if values.min() < 0 or values.max() > 255:
        raise DataError(f"{path}: row {row}: expected grey values from 0 to 255")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _load_votes(path: Path, usage: list[str]) -> NDArray[np.float32]:
    """Read the votes of the faces whose splits are `usage`, row by row."""
    votes: list[list[float]] = []
    for expected, (row, record) in zip(
        usage, _records(path, ("Usage", *VOTE_COLUMNS)), strict=False
    ):
        if record["Usage"] != expected:
            found = record["Usage"]
            raise DataError(
                f"{path}: row {row}: expected a {expected} row like the face's, found {found}; "
                "are both files in their published order?"
            )
        votes.append(_parse_votes(record, path, row))
    if len(votes) < len(usage):
        raise DataError(
            f"{path}: expected {len(usage)} rows, one for each face, found {len(votes)}"
        )
    return np.array(votes, dtype=np.float32)


def _parse_votes(record: dict[str, str], path: Path, row: int) -> list[float]:
    texts = [record[name] for name in VOTE_COLUMNS]
    if all(text.isdecimal() for text in texts):
        return [float(text) for text in texts]
    raise DataError(f"{path}: row {row}: expected vote counts, found {', '.join(texts)}")
