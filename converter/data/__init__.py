"""Datasets: sets of labelled faces, each read by its own loader into one form."""

from pathlib import Path

from converter.data.ckplus import load_ckextended, load_ckplus
from converter.data.dataset import (
    VOTE_COLUMNS,
    Dataset,
    Usage,
    combine,
    dataset,
)
from converter.data.fer2013 import load_fer2013
from converter.data.form import Form, form_of
from converter.data.image_folders import load_folders
from converter.data.jaffe import load_jaffe
from edge.errors import DataError
from edge.labels import EXPRESSIONS, SIDE

__all__ = [
    "EXPRESSIONS",
    "SIDE",
    "VOTE_COLUMNS",
    "Dataset",
    "Form",
    "Usage",
    "combine",
    "dataset",
    "form_of",
    "load_ckextended",
    "load_ckplus",
    "load_fer2013",
    "load_folders",
    "load_jaffe",
    "open_dataset",
]


def open_dataset(path: Path, votes: Path | None = None) -> Dataset:
    """Read the set of faces at `path`, a csv or a folder, whatever its form.

    Args:
        path: the set.
        votes: FER+'s fer2013new.csv, for a csv of FER2013.

    Raises:
        DataError: the form is unknown, a file is malformed, or votes are given for another set.
    """
    form = form_of(path)
    if votes is not None and form is not Form.FER2013:
        raise DataError(f"{votes}: belongs beside fer2013.csv; {path} is {form}")
    match form:
        case Form.FER2013:
            return load_fer2013(path, votes)
        case Form.CKEXTENDED:
            return load_ckextended(path)
        case Form.CKPLUS:
            return load_ckplus(path)
        case Form.JAFFE:
            return load_jaffe(path)
        case Form.FOLDERS:
            return load_folders(path)
