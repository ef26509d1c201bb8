"""JAFFE, Japanese Female Facial Expressions (Lyons et al. 1998, doi:10.1109/AFGR.1998.670949)."""

import re
from pathlib import Path

import numpy as np

from converter.data.dataset import Dataset, dataset
from converter.data.images import find_pictures, parse_name, read_faces
from converter.data.split import by_subject
from edge.errors import DataError
from edge.labels import EXPRESSIONS

CODES = {
    "AN": "angry",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happy",
    "SA": "sad",
    "SU": "surprise",
    "NE": "neutral",
}

NAME = re.compile(rf"([A-Z]{{2}})\.({'|'.join(CODES)})\d+\.\d+\..+", re.IGNORECASE)
"""Subject, class with a number, and the picture's number."""


def load_jaffe(root: Path) -> Dataset:
    """Read JAFFE's pictures, whose names tell subject and class; split by subject.

    Raises:
        DataError: there are none, a name is another, or a picture cannot be read.
    """
    paths = find_pictures(root)
    if not paths:
        raise DataError(f"{root}: expected pictures such as KA.AN1.39.tiff, found none")
    names = [parse_name(path, NAME, "KA.AN1.39.tiff") for path in paths]
    subjects = [name[1].upper() for name in names]
    return dataset(
        read_faces(paths),
        np.array([EXPRESSIONS.index(CODES[name[2].upper()]) for name in names]),
        by_subject(subjects),
        source="JAFFE",
        subject=np.array(subjects),
    )
