"""Faces in a csv: a row each, its class a number, its pixels a text of grey values."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import VOTE_COLUMNS, Usage
from edge.errors import DataError
from edge.labels import SIDE

WHOLE = "download or unpack it again"


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a csv: the texts of its columns, and where it stands."""

    path: Path
    line: int
    texts: dict[str, str]

    def error(self, text: str) -> DataError:
        """Return an error that names file and row."""
        return DataError(f"{self.path}: row {self.line}: {text}")

    def label(self, classes: int) -> int:
        """Return the class of the column `emotion`, 0 to `classes` - 1.

        Raises:
            DataError: it is none.
        """
        text = self.texts["emotion"]
        if len(text) == 1 and text.isdecimal() and int(text) < classes:
            return int(text)
        remedy = "name a CK+ file ckextended.csv" if text == "7" else "mend or delete the row"
        raise self.error(f"expected a label from 0 to {classes - 1}, found {text!r}; {remedy}")

    def face(self) -> NDArray[np.uint8]:
        """Return the picture of the column `pixels`, uint8 (48, 48).

        Raises:
            DataError: it is none.
        """
        try:
            values = np.array(self.texts["pixels"].split(), dtype=np.int64)
        except (ValueError, OverflowError) as error:
            raise self.error(f"expected grey values, found {error}; {WHOLE}") from error
        if values.size != SIDE * SIDE:
            raise self.error(f"expected {SIDE * SIDE} pixels, found {values.size}; {WHOLE}")
        if values.min() < 0 or values.max() > 255:
            raise self.error(f"expected grey values from 0 to 255; {WHOLE}")
        return values.astype(np.uint8).reshape(SIDE, SIDE)

    def usage(self) -> Usage:
        """Return the split of the column `Usage`; Training where the file has no such column.

        Raises:
            DataError: it is none.
        """
        text = self.texts.get("Usage", Usage.TRAINING)
        try:
            return Usage(text)
        except ValueError as error:
            known = ", ".join(Usage)
            raise self.error(f"expected a usage of {known}, found {text!r}; {WHOLE}") from error


def records(path: Path, columns: tuple[str, ...]) -> Iterator[Record]:
    """Yield the rows of a csv, after checking that it has `columns`.

    Raises:
        DataError: the file cannot be read, is no csv, lacks a column, is cut short or empty.
    """
    with _opened(path) as file:
        reader, empty = csv.DictReader(file), True
        try:
            _check_columns(path, reader, columns)
            for texts in reader:
                if None in texts.values():
                    raise DataError(f"{path}: row {reader.line_num} is cut short; {WHOLE}")
                empty = False
                yield Record(path, reader.line_num, texts)
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(
                f"{path}: behind row {reader.line_num}: is no csv: {error}; {WHOLE}"
            ) from error
        if empty:
            raise DataError(f"{path}: expected rows below the header, found none; {WHOLE}")


def _opened(path: Path) -> TextIO:
    try:
        return path.open(newline="", encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _check_columns(path: Path, reader: "csv.DictReader[str]", columns: tuple[str, ...]) -> None:
    # Some of Kaggle's files begin their column names with a space.
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    missing = [name for name in columns if name not in reader.fieldnames]
    if missing:
        found = ", ".join(reader.fieldnames) or "nothing"
        remedy = _remedy(set(reader.fieldnames))
        raise DataError(f"{path}: expected the column {missing[0]!r}, found {found}; {remedy}")


def _remedy(columns: set[str]) -> str:
    """Return what to do with a file that has only these columns."""
    if {*VOTE_COLUMNS} <= columns:
        return "these are FER+'s votes: give them as --votes"
    if columns == {"pixels"}:
        return "Kaggle's test.csv has no labels: give fer2013.csv, icml_face_data.csv or train.csv"
    return WHOLE
