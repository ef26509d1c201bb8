"""Average faces: each made of many training faces that look alike, and of nobody."""

from functools import partial
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.datasets import SIDE, Dataset
from converter.label_sets import LABEL_SETS
from edge.errors import DataError

Picture = NDArray[np.float32]

CLASSES = LABEL_SETS["7"]

AGREED = 400
"""Faces on whose label the taggers agree most; the average is drawn from them."""

ALIKE = 20
"""Faces in one average: those most alike, or it would be a blur."""

COPY = 0.9
"""Correlation above which two pictures are one photograph cut twice: only one may count."""

EXAGGERATION = 1.5
"""How far each average is drawn away from the mean of all: averages are tamer than faces."""


class Reader(Protocol):
    """A judge of average faces."""

    def __call__(self, face: Picture, label: str) -> float:
        """Read one face."""


def average_faces(data: Dataset, read: Reader) -> dict[str, Picture]:
    """Return a symmetrical face, float32 (48, 48), for each label; mean 0 and deviation 1.

    Args:
        data: with FER+ votes.
        read: chooses among the averages of a label.

    Raises:
        DataError: `data` has no FER+ votes, or no face of some label.
    """
    training = data.split("Training").faces().distinct()
    averages = {label: _averages(_agreed(training, label)) for label in CLASSES.labels}
    middle = np.mean([np.mean(faces, axis=0) for faces in averages.values()], axis=0)
    return {
        label: max((_exaggerate(face, middle) for face in faces), key=partial(read, label=label))
        for label, faces in averages.items()
    }


def _agreed(training: Dataset, label: str) -> Picture:
    """Return the faces of `label` with most votes for it, float32 (n, 48, 48)."""
    number = CLASSES.labels.index(label)
    votes = CLASSES.targets(training, vote_weight=1.0)[:, number] * (training.labels == number)
    count = min(AGREED, int(np.count_nonzero(votes)))
    if count == 0:
        raise DataError(f"no training face of {label!r} has a vote for it")
    return _even_light(training.pixels[np.argsort(-votes, kind="stable")[:count]])


def _even_light(faces: NDArray[np.generic]) -> Picture:
    """Give each face mean 0 and deviation 1, so that no bright picture outweighs the rest."""
    pixels = faces.astype(np.float32)
    centred = pixels - pixels.mean(axis=(-2, -1), keepdims=True)
    return np.asarray(centred / centred.std(axis=(-2, -1), keepdims=True), dtype=np.float32)


def _averages(faces: Picture) -> list[Picture]:
    """Average each face with those most like it, and with their mirror images."""
    faces = faces[_without_copies(faces)]
    alike = _correlation(faces + faces[:, :, ::-1])
    groups = np.argsort(-alike, axis=1)[:, :ALIKE]
    means = (faces[group].mean(axis=0) for group in groups)
    return [_even_light(mean + mean[:, ::-1]) for mean in means]


def _without_copies(faces: Picture) -> list[int]:
    """Return the rows that are no copy, mirrored or not, of an earlier one."""
    alike = np.maximum(_correlation(faces), _correlation(faces, faces[:, :, ::-1]))
    kept: list[int] = []
    for row in range(len(faces)):
        if not (alike[row, kept] > COPY).any():
            kept.append(row)
    return kept


def _correlation(faces: Picture, others: Picture | None = None) -> NDArray[np.float32]:
    """Return how alike each pair is, -1 to 1; fine detail does not count."""
    rows = _blurred_rows(faces)
    return np.asarray(rows @ (rows if others is None else _blurred_rows(others)).T)


def _blurred_rows(faces: Picture) -> NDArray[np.float32]:
    blurred = _even_light(np.stack([cv2.GaussianBlur(face, (0, 0), 1.0) for face in faces]))
    return blurred.reshape(len(faces), -1) / np.float32(SIDE)


def _exaggerate(face: Picture, middle: Picture) -> Picture:
    """Move a face away from the middle of all faces and sharpen what averaging blurred."""
    strong = middle + EXAGGERATION * (face - middle)
    return _even_light(2 * strong - cv2.GaussianBlur(strong, (0, 0), 2.0))
