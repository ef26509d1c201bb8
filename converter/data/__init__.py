"""Datasets of labeled faces: every published form is told by what is there and read into one."""

from pathlib import Path

from converter.data.csv_files import is_fer2013_csv, load_csv
from converter.data.dataset import Dataset, Usage
from converter.data.layouts import load_folder
from edge.detect.detector import Detector
from edge.errors import DataError
from edge.types import EXPRESSIONS, SIDE

__all__ = ["EXPRESSIONS", "SIDE", "Dataset", "Usage", "open_dataset"]


def open_dataset(
    path: Path, votes: Path | None = None, detector: Detector | None = None
) -> Dataset:
    """Read the csv or the folder at `path`, whatever its form; DataError where it cannot be read.

    `votes` is FER+'s fer2013new.csv, for a csv of FER2013; `detector` crops the faces of a folder.
    """
    if votes is not None and not is_fer2013_csv(path):
        raise DataError(f"{votes}: expected beside a csv of FER2013, found beside {path}")
    return load_folder(path, detector) if path.is_dir() else load_csv(path, votes)
