"""Photographs with the boxes of the faces in them, whatever files they were read from."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import DataError
from edge.types import Image

Boxes = NDArray[np.float32]
"""Left, top, right, bottom in pixels of the photograph, float32 (n, 4)."""


class Split(StrEnum):
    """What a photograph is for: `test` is never trained on."""

    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """A picture file and the faces in it.

    Attributes:
        path: the file.
        width, height: in pixels, as the annotations say.
        boxes: of every face, none in a picture without faces.
        ignored: (n,), which boxes are neither face nor background: too small or unclear.
        source: the set it belongs to.
        split: what it is for.
    """

    path: Path
    width: int
    height: int
    boxes: Boxes
    ignored: NDArray[np.bool_]
    source: str
    split: Split

    def read(self) -> Image:
        """Return the picture, BGR uint8 (height, width, 3), of the size that was annotated.

        Raises:
            DataError: it is missing, or no picture.
        """
        image = cv2.imread(str(self.path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is None:
            raise DataError(f"{self.path}: expected a picture that OpenCV can read")
        if image.shape[:2] != (self.height, self.width):
            found = f"{image.shape[1]}x{image.shape[0]}"
            raise DataError(
                f"{self.path}: expected {self.width}x{self.height} as annotated, found {found}"
            )
        return np.asarray(image, dtype=np.uint8)


def of_split(photographs: Iterable[Photograph], split: Split) -> tuple[Photograph, ...]:
    """Return those of one split."""
    return tuple(one for one in photographs if one.split is split)
