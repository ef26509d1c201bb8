"""FER2013 as Kaggle ships it: fer2013.csv, icml_face_data.csv or train.csv."""

from pathlib import Path

import numpy as np

from converter.data.csv_files import records
from converter.data.dataset import Dataset, dataset
from converter.data.ferplus import load_votes

CLASSES = 7
"""FER2013 knows the first seven of `EXPRESSIONS`."""


def load_fer2013(path: Path, votes_path: Path | None = None) -> Dataset:
    """Read one of Kaggle's files, and FER+'s fer2013new.csv beside it when given.

    A file without the column `Usage`, as train.csv is, holds Training rows alone.

    Raises:
        DataError: a file is missing or malformed; the text names file and row.
    """
    labels, pixels, usage = [], [], []
    for record in records(path, ("emotion", "pixels")):
        labels.append(record.label(CLASSES))
        pixels.append(record.face())
        usage.append(record.usage())
    votes = None if votes_path is None else load_votes(votes_path, usage)
    return dataset(
        np.stack(pixels), np.array(labels), np.array(usage), source="FER2013", votes=votes
    )
