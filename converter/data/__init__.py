"""Datasets of labeled faces: each published format is detected here and read by its loader."""

from enum import StrEnum
from pathlib import Path

from converter.data.csv_files import load_ckextended, load_fer2013
from converter.data.dataset import VOTE_COLUMNS, Dataset, Usage, concatenate, make_dataset
from converter.data.image_folders import (
    CKPLUS_NAME,
    JAFFE_NAME,
    find_images,
    load_ckplus,
    load_folders,
    load_jaffe,
)
from edge.capture.images import SUFFIXES
from edge.errors import DataError
from edge.types import EXPRESSIONS, SIDE

__all__ = [
    "EXPRESSIONS",
    "SIDE",
    "VOTE_COLUMNS",
    "Dataset",
    "DatasetFormat",
    "Usage",
    "concatenate",
    "detect_format",
    "load_ckextended",
    "load_ckplus",
    "load_fer2013",
    "load_folders",
    "load_jaffe",
    "make_dataset",
    "open_dataset",
]


class DatasetFormat(StrEnum):
    """Layout of a dataset."""

    FER2013 = "csv of FER2013"
    CKEXTENDED = "csv of CK+"
    CKPLUS = "folders of CK+"
    JAFFE = "pictures of JAFFE"
    FOLDERS = "class folders"


def detect_format(path: Path) -> DatasetFormat:
    """Return the format of the dataset at `path`.

    A file is a csv, CK+'s if its name begins with "ck". A folder is CK+ or JAFFE as soon as one
    image in it is called as theirs are, so that none of them is ever split by image.

    Raises:
        DataError: there is nothing, or a folder without images.
    """
    if not path.is_dir():
        named_ck = path.name.lower().startswith("ck")
        return DatasetFormat.CKEXTENDED if named_ck else DatasetFormat.FER2013
    names = [image.name for image in find_images(path)]
    if not names:
        tables = sorted(path.glob("*.csv"))
        found = f"no picture; did you mean {tables[0]}?" if tables else "no picture"
        raise DataError(
            f"{path}: expected class folders such as happy/ with pictures "
            f"({' '.join(sorted(SUFFIXES))}), or the pictures of CK+ or JAFFE, found {found}"
        )
    if any(CKPLUS_NAME.fullmatch(name) for name in names):
        return DatasetFormat.CKPLUS
    if any(JAFFE_NAME.fullmatch(name) for name in names):
        return DatasetFormat.JAFFE
    return DatasetFormat.FOLDERS


def open_dataset(path: Path, votes: Path | None = None) -> Dataset:
    """Read the dataset at `path`, a csv or a folder, whatever its format.

    Args:
        path: the dataset.
        votes: FER+'s fer2013new.csv, for a csv of FER2013.

    Raises:
        DataError: the format is unknown, a file is malformed, or votes are given for another set.
    """
    form = detect_format(path)
    if votes is not None and form is not DatasetFormat.FER2013:
        raise DataError(f"{votes}: belongs beside fer2013.csv; {path} is {form}")
    match form:
        case DatasetFormat.FER2013:
            return load_fer2013(path, votes)
        case DatasetFormat.CKEXTENDED:
            return load_ckextended(path)
        case DatasetFormat.CKPLUS:
            return load_ckplus(path)
        case DatasetFormat.JAFFE:
            return load_jaffe(path)
        case DatasetFormat.FOLDERS:
            return load_folders(path)
