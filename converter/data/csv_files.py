"""Datasets in csv files: FER2013 with FER+'s votes, and CK+ as one csv.

A row is a face: its class a number, its pixels a text of gray values.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import NOT_A_FACE, VOTE_COLUMNS, Dataset, Usage, make_dataset
from edge.errors import DataError
from edge.types import EXPRESSIONS, SIDE

FER2013_CLASSES = 7
"""FER2013 knows the first seven of `EXPRESSIONS`."""

FERPLUS_COLUMNS = ("Usage", "Image name", *VOTE_COLUMNS)
IMAGE_NAME = re.compile(r"fer(\d{7})\.png")

DOWNLOAD_AGAIN = "download or unpack it again"


def is_fer2013_csv(path: Path) -> bool:
    """Tell whether a path is of FER2013, to which FER+'s votes belong: CK+'s begin with "ck"."""
    return not path.is_dir() and not path.name.lower().startswith("ck")


def load_csv(path: Path, votes_path: Path | None = None) -> Dataset:
    """Read one of Kaggle's files: FER2013 with FER+'s votes where they are given, or CK+.

    FER2013 is fer2013.csv, icml_face_data.csv or train.csv. CK+ (ckextended.csv) has contempt as
    an eighth class and names no subject. Without a column `Usage` all rows are Training.

    Raises:
        DataError: a file is missing or malformed; the text names file and row.
    """
    fer2013 = is_fer2013_csv(path)
    classes = FER2013_CLASSES if fer2013 else len(EXPRESSIONS)
    columns = ("emotion", "pixels")
    rows = [(row.label(classes), row.face(), row.usage()) for row in read_csv(path, columns)]
    labels, pixels, usage = zip(*rows, strict=True)
    votes = None if votes_path is None else load_votes(votes_path, usage)
    source = "FER2013" if fer2013 else "CK+"
    return make_dataset(np.stack(pixels), np.array(labels), np.array(usage), source, votes=votes)


def load_votes(path: Path, usage: Sequence[Usage]) -> NDArray[np.float32]:
    """Read FER+'s fer2013new.csv: what ten people saw in each face of FER2013.

    Its rows stand in the order of FER2013's (Barsoum et al. 2016, arXiv:1608.01041). A row without
    an image name is one that FER+ left out of its images: it counts as one that all ten called
    "not a face".

    `usage` is the split of each face. Rows behind the last face are passed over.

    Returns:
        float32 (n, 10), in the order of `VOTE_COLUMNS`.

    Raises:
        DataError: the file is malformed, too short, or in another order than the faces.
    """
    votes: list[list[float]] = []
    last_image = -1
    for expected, row in zip(usage, read_csv(path, FERPLUS_COLUMNS), strict=False):
        last_image = _check_order(row, expected, last_image)
        votes.append(_parse_votes(row))
    if len(votes) < len(usage):
        raise DataError(
            f"{path}: expected {len(usage)} rows, one for each face, found {len(votes)}; "
            "give the file that belongs to the faces, whole"
        )
    return np.array(votes, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row of a csv: the texts of its columns, and where it stands."""

    path: Path
    line: int
    texts: dict[str, str]

    def error(self, text: str) -> DataError:
        """Return an error that names file and row."""
        return DataError(f"{self.path}: row {self.line}: {text}")

    def label(self, classes: int) -> int:
        """Return the column `emotion`, 0 to `classes` - 1; DataError where it is no such class."""
        text = self.texts["emotion"]
        if len(text) == 1 and text.isdecimal() and int(text) < classes:
            return int(text)
        remedy = "name a CK+ file ckextended.csv" if text == "7" else "mend or delete the row"
        raise self.error(f"expected a label from 0 to {classes - 1}, found {text!r}; {remedy}")

    def face(self) -> NDArray[np.uint8]:
        """Return the image of the column `pixels`, uint8 (48, 48); DataError where it is none."""
        try:
            values = np.array(self.texts["pixels"].split(), dtype=np.int64)
        except (ValueError, OverflowError) as error:
            raise self.error(f"expected gray values, found {error}; {DOWNLOAD_AGAIN}") from error
        if values.size != SIDE * SIDE:
            raise self.error(
                f"expected {SIDE * SIDE} pixels, found {values.size}; {DOWNLOAD_AGAIN}"
            )
        if values.min() < 0 or values.max() > 255:
            raise self.error(f"expected gray values from 0 to 255; {DOWNLOAD_AGAIN}")
        return values.astype(np.uint8).reshape(SIDE, SIDE)

    def usage(self) -> Usage:
        """Return the split; Training without a column `Usage`, DataError where that names none."""
        text = self.texts.get("Usage", Usage.TRAINING)
        if text not in list(Usage):
            known = ", ".join(Usage)
            raise self.error(f"expected a usage of {known}, found {text!r}; {DOWNLOAD_AGAIN}")
        return Usage(text)


def read_csv(path: Path, columns: tuple[str, ...]) -> Iterator[CsvRow]:
    """Yield the rows of a csv, after checking that it has `columns`.

    Raises:
        DataError: the file cannot be read, is no csv, lacks a column, is cut short or empty.
    """
    number = 1
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            _check_columns(path, reader, columns)
            for texts in reader:
                number = reader.line_num
                if None in texts.values():
                    raise DataError(f"{path}: row {number} is cut short; {DOWNLOAD_AGAIN}")
                yield CsvRow(path, number, texts)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: behind row {number}: is no csv: {error}; {DOWNLOAD_AGAIN}"
        ) from error
    if number == 1:
        raise DataError(f"{path}: expected rows below the header, found none; {DOWNLOAD_AGAIN}")


def _check_columns(path: Path, reader: "csv.DictReader[str]", columns: tuple[str, ...]) -> None:
    # Some of Kaggle's files begin their column names with a space.
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    missing = [name for name in columns if name not in reader.fieldnames]
    if not missing:
        return
    remedy = DOWNLOAD_AGAIN
    if {*VOTE_COLUMNS} <= {*reader.fieldnames}:
        remedy = "these are FER+'s votes: give them as --votes"
    elif reader.fieldnames == ["pixels"]:
        remedy = (
            "Kaggle's test.csv has no labels: give fer2013.csv, icml_face_data.csv or train.csv"
        )
    found = ", ".join(reader.fieldnames) or "nothing"
    raise DataError(f"{path}: expected the column {missing[0]!r}, found {found}; {remedy}")


def _check_order(row: CsvRow, expected: Usage, last_image: int) -> int:
    """Check that a row is where it was published; return the number of the last named image."""
    found = row.usage()
    if found is not expected:
        raise row.error(
            f"expected a {expected} row like the face's, found {found}; "
            "are both files in their published order?"
        )
    name = row.texts["Image name"].strip()
    if not name:
        return last_image
    named = IMAGE_NAME.fullmatch(name)
    if named is None or int(named[1]) <= last_image:
        raise row.error(
            f"expected an image name behind fer{max(last_image, 0):07d}.png, found {name!r}; "
            "are both files in their published order?"
        )
    return int(named[1])


def _parse_votes(row: CsvRow) -> list[float]:
    texts = [row.texts[name] for name in VOTE_COLUMNS]
    if not all(text.isdecimal() and len(text) <= 2 for text in texts):
        raise row.error(f"expected vote counts, found {', '.join(texts)}; {DOWNLOAD_AGAIN}")
    votes = [float(text) for text in texts]
    if not row.texts["Image name"].strip():
        votes[VOTE_COLUMNS.index("NF")] = NOT_A_FACE
    return votes
