"""Faces in picture files."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.capture.images import SUFFIXES, read_image
from edge.errors import DataError, InputError
from edge.geometry import Box
from edge.infer.crop import crop_gray
from edge.labels import SIDE


def find_pictures(root: Path) -> list[Path]:
    """Return the pictures below `root` in the order of their paths; hidden files are passed over.

    Raises:
        DataError: a folder cannot be read.
    """
    found: list[Path] = []
    for folder, _, names in os.walk(root, onerror=_refuse, followlinks=True):
        found.extend(Path(folder, name) for name in names if is_picture(name))
    return sorted(found)


def read_faces(paths: Iterable[Path]) -> NDArray[np.uint8]:
    """Return the pictures, of any size and colour, as grey faces, uint8 (n, 48, 48).

    Of a picture that is not square its middle is taken.

    Raises:
        DataError: a file is no picture.
    """
    return np.stack([_read_face(path) for path in paths])


def parse_name(path: Path, pattern: "re.Pattern[str]", example: str) -> "re.Match[str]":
    """Return what `pattern` finds in the file's name.

    Raises:
        DataError: the name is another one.
    """
    found = pattern.fullmatch(path.name)
    if found is None:
        raise DataError(f"{path}: expected a name such as {example}; rename it or take it out")
    return found


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error


def is_picture(name: str) -> bool:
    """Tell whether a file is one, by its name; hidden files never are."""
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def _read_face(path: Path) -> NDArray[np.uint8]:
    try:
        image = read_image(path)
    except InputError as error:
        raise DataError(f"{error}; take it out") from error
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    square = Box(left, top, left + side, top + side)
    return crop_gray(image, square, SIDE)
