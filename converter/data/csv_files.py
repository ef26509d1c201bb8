"""Datasets in csv files, a row for each face: FER2013 with FER+'s votes, and CK+ as one csv."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import NOT_A_FACE, VOTE_COLUMNS, Dataset, Usage, make_dataset
from edge.errors import DataError, os_errors_as
from edge.types import EXPRESSIONS, SIDE

DOWNLOAD_AGAIN = "download or unpack it again"


def is_fer2013_csv(path: Path) -> bool:
    """Tell whether a path is of FER2013, to which FER+'s votes belong: CK+'s begin with "ck"."""
    return not path.is_dir() and not path.name.lower().startswith("ck")


def load_csv(path: Path, votes_path: Path | None = None) -> Dataset:
    """Read FER2013, with FER+'s votes where given, or CK+, of Kaggle; DataError as `read_csv`."""
    source, classes = ("FER2013", 7) if is_fer2013_csv(path) else ("CK+", len(EXPRESSIONS))
    rows = read_csv(path, ("emotion", "pixels"))
    faces = [(row.label(classes), row.face(), row.usage()) for row in rows]
    labels, pixels, usage = zip(*faces, strict=True)
    votes = None if votes_path is None else load_votes(votes_path, usage)
    return make_dataset(np.stack(pixels), np.array(labels), np.array(usage), source, votes=votes)


def load_votes(path: Path, usage: Sequence[Usage]) -> NDArray[np.float32]:
    """Read FER+'s fer2013new.csv, float32 (n, 10): what ten people saw in each face of FER2013.

    Its rows stand in the order of FER2013's, whose splits are `usage`. One without an image name
    counts as "not a face" of all ten. DataError where it is malformed, short, or in another order.
    """
    votes: list[list[float]] = []
    last, rows = "fer", read_csv(path, ("Usage", "Image name", *VOTE_COLUMNS))
    for expected, row in zip(usage, rows, strict=False):
        found, name = row.usage(), row.texts["Image name"].strip()
        order = "are both files in their published order?"
        if found is not expected:
            raise row.error(f"expected a {expected} row like the face's, found {found}; {order}")
        if name and (not re.fullmatch(r"fer\d{7}\.png", name) or name <= last):
            raise row.error(f"expected an image name behind {last}, found {name!r}; {order}")
        counts = [row.texts[column] for column in VOTE_COLUMNS]
        if not all(text.isdecimal() and len(text) <= 2 for text in counts):
            raise row.error(f"expected vote counts, found {', '.join(counts)}; {DOWNLOAD_AGAIN}")
        last = name or last
        votes.append([*map(float, counts[:-1]), float(counts[-1] if name else NOT_A_FACE)])
    if len(votes) < len(usage):
        wanted = f"{len(usage)} rows, one for each face, found {len(votes)}"
        raise DataError(f"{path}: expected {wanted}; give the whole file that belongs to them")
    return np.array(votes, dtype=np.float32)


class CsvRow(NamedTuple):
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
            raise self.error(f"expected {SIDE**2} pixels, found {values.size}; {DOWNLOAD_AGAIN}")
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
    """Yield rows of a csv; DataError where it is none, cut short, empty or without `columns`."""
    number = 1
    try:
        with os_errors_as(DataError, path), path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            # Some of Kaggle's files begin their column names with a space.
            reader.fieldnames = names = [name.strip() for name in reader.fieldnames or ()]
            if missing := [name for name in columns if name not in names]:
                remedy = DOWNLOAD_AGAIN
                if {*VOTE_COLUMNS} <= {*names}:
                    remedy = "these are FER+'s votes: give them as --votes"
                elif names == ["pixels"]:
                    remedy = "Kaggle's test.csv has no labels: give fer2013.csv or train.csv"
                found = f"found {', '.join(names) or 'nothing'}; {remedy}"
                raise DataError(f"{path}: expected the column {missing[0]!r}, {found}")
            for texts in reader:
                number = reader.line_num
                if None in texts.values():
                    raise DataError(f"{path}: row {number} is cut short; {DOWNLOAD_AGAIN}")
                yield CsvRow(path, number, texts)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: no csv behind row {number}: {error}; {DOWNLOAD_AGAIN}") from error
    if number == 1:
        raise DataError(f"{path}: expected rows below the header, found none; {DOWNLOAD_AGAIN}")
