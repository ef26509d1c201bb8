"""Motion detection by frame differences, and cuts between the shots of a video."""

import math
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.image_ops import shrink_by_mean
from edge.geometry import Box
from edge.types import GrayImage

CELLS = (80, 60)
"""Cells across and down to which an image is averaged: noise of single pixels averages away, a face
that turns does not."""

CUT_CHANGE = 20.0
CUT_SHIFT = 0.2
"""Mean change of the pixels, in gray levels, from one shot of a video to another, and share of them
that lie elsewhere in a histogram of 32 bins. Within shots of seven clips they are at most
5.1 and 0.04, between any two of them at least 26 and 0.28 (2026-11-29)."""


def is_cut(before: GrayImage, after: GrayImage) -> bool:
    """Tell whether two frames that follow each other, of one size, belong to different shots."""
    if cv2.norm(before, after, cv2.NORM_L1) < CUT_CHANGE * before.size:
        return False
    first, second = (cv2.calcHist([gray], [0], None, [32], [0, 256]) for gray in (before, after))
    common = cv2.compareHist(first, second, cv2.HISTCMP_INTERSECT)
    return bool(1 - common / before.size >= CUT_SHIFT)


class MotionDetector:
    """Compares images with a reference."""

    def __init__(self) -> None:
        self._reference: NDArray[np.uint8] | None = None
        self._latest: tuple[GrayImage, NDArray[np.uint8]] | None = None

    def set_reference(self, gray: GrayImage) -> None:
        """Compare with this image from now on."""
        self._reference = self._cells(gray)

    def max_change(self, gray: GrayImage) -> float:
        """Return the largest change of a cell since the reference, in gray levels, 0-255."""
        if self._reference is None:
            return 255.0
        return float(cv2.norm(self._cells(gray), self._reference, cv2.NORM_INF))

    def max_change_outside(self, gray: GrayImage, boxes: Iterable[Box]) -> float:
        """Return the largest change outside all of `boxes`, which are in pixels of `gray`."""
        if self._reference is None:
            return 255.0
        changes = cv2.absdiff(self._cells(gray), self._reference)
        across, down = CELLS[0] / gray.shape[1], CELLS[1] / gray.shape[0]
        for box in boxes:
            rows = slice(max(0, int(down * box.y1)), max(0, math.ceil(down * box.y2)))
            columns = slice(max(0, int(across * box.x1)), max(0, math.ceil(across * box.x2)))
            changes[rows, columns] = 0
        return float(changes.max())

    def _cells(self, gray: GrayImage) -> NDArray[np.uint8]:
        """Average an image; the same image is averaged once."""
        if self._latest is None or self._latest[0] is not gray:
            self._latest = gray, shrink_by_mean(gray, CELLS)
        return self._latest[1]
