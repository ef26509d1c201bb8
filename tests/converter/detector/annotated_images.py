"""Photographs with boxes, and detectors that answer as they are told."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from converter.detector.annotations import AnnotatedImage, Split
from edge.geometry import Box, CropCalibration
from edge.types import Face, Image


def write_photo(
    path: Path,
    boxes: Sequence[tuple[float, float, float, float]] = (),
    size: tuple[int, int] = (400, 200),
    source: str = "mine",
    split: Split = "test",
) -> AnnotatedImage:
    """Write a gray picture and say what is in it."""
    width, height = size
    cv2.imwrite(str(path), np.full((height, width, 3), 90, dtype=np.uint8))
    array = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return AnnotatedImage(path, width, height, array, np.zeros(len(array), np.bool_), source, split)


class Told:
    """Finds the same boxes, in shares of the picture, wherever it looks; notes what it was shown."""

    name = "told"
    searches_near = False
    crop_fit = CropCalibration(1.0, 0.0, 0.0)

    def __init__(self, *shares: tuple[float, float, float, float]) -> None:
        self._shares = shares
        self.sizes: list[tuple[int, int]] = []
        self.threads: list[int] = []

    def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
        height, width = image.shape[:2]
        self.sizes.append((width, height))
        self.threads.append(cv2.getNumThreads())
        return [
            Face(Box(x1 * width, y1 * height, x2 * width, y2 * height), 0.9)
            for x1, y1, x2, y2 in self._shares
        ]
