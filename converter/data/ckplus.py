"""CK+, the extended Cohn-Kanade set (Lucey et al. 2010, doi:10.1109/CVPRW.2010.5543262)."""

import re
from pathlib import Path

import numpy as np

from converter.data.csv_files import records
from converter.data.dataset import Dataset, dataset
from converter.data.image_folders import class_folders
from converter.data.images import parse_name, read_faces
from converter.data.split import by_subject
from edge.labels import EXPRESSIONS

NAME = re.compile(r"(S\d{3})_\d{3}_\d{8}\..+", re.IGNORECASE)
"""Subject, sequence and frame."""


def load_ckplus(root: Path) -> Dataset:
    """Read CK+'s class folders, whose names tell the subject; split by subject.

    The names tell the subject, so a split folder above the class folders does not count: such
    splits put one person on both sides.

    Raises:
        DataError: a class folder is unknown or empty, a name is another, or a picture cannot be
            read.
    """
    rows = [(path, folder.label) for folder in class_folders(root) for path in folder.pictures]
    example = "S010_004_00000017.png"
    subjects = [parse_name(path, NAME, example)[1].upper() for path, _ in rows]
    return dataset(
        read_faces([path for path, _ in rows]),
        np.array([label for _, label in rows]),
        by_subject(subjects),
        source="CK+",
        subject=np.array(subjects),
    )


def load_ckextended(path: Path) -> Dataset:
    """Read CKextended.csv, which tells no subject and so keeps the splits it brings.

    Its classes are numbered as `EXPRESSIONS` are.

    Raises:
        DataError: the file is malformed; the text names file and row.
    """
    labels, pixels, usage = [], [], []
    for record in records(path, ("emotion", "pixels", "Usage")):
        labels.append(record.label(len(EXPRESSIONS)))
        pixels.append(record.face())
        usage.append(record.usage())
    return dataset(np.stack(pixels), np.array(labels), np.array(usage), source="CK+")
