"""Whether anything moves in front of the camera."""

import math
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.image_ops import average
from edge.geometry import Box
from edge.types import GrayImage

CELLS = (80, 60)
"""The picture is averaged to so many cells: noise of single pixels averages away, a face that
turns does not."""

CUT_CHANGE = 20.0
CUT_SHIFT = 0.2
"""From one shot of a video to another, the mean change of the pixels, in grey values, and the share
of them that lie elsewhere in a histogram of 32 bins. Within shots of seven clips they are at most
5.1 and 0.04, between any two of them at least 26 and 0.28 (2026-11-29)."""


def is_cut(before: GrayImage, after: GrayImage) -> bool:
    """Tell whether two frames that follow each other, of one size, belong to different shots."""
    if cv2.norm(before, after, cv2.NORM_L1) < CUT_CHANGE * before.size:
        return False
    first, second = (cv2.calcHist([one], [0], None, [32], [0, 256]) for one in (before, after))
    common = cv2.compareHist(first, second, cv2.HISTCMP_INTERSECT)
    return bool(1 - common / before.size >= CUT_SHIFT)


class MotionDetector:
    """Compares pictures with one that was kept."""

    def __init__(self) -> None:
        self._kept: NDArray[np.uint8] | None = None
        self._seen: tuple[GrayImage, NDArray[np.uint8]] | None = None

    def keep(self, grey: GrayImage) -> None:
        """Compare with this picture from now on."""
        self._kept = self._cells(grey)

    def since_kept(self, grey: GrayImage) -> float:
        """Return the most that one cell differs from the kept picture, in grey values, 0-255."""
        cells = self._cells(grey)
        if self._kept is None:
            return 255.0
        return float(cv2.norm(cells, self._kept, cv2.NORM_INF))

    def elsewhere(self, grey: GrayImage, boxes: Iterable[Box]) -> float:
        """Return the same of what lies outside all of `boxes`, which are in pixels of `grey`."""
        if self._kept is None:
            return 255.0
        changes = cv2.absdiff(self._cells(grey), self._kept)
        across, down = CELLS[0] / grey.shape[1], CELLS[1] / grey.shape[0]
        for box in boxes:
            rows = slice(max(0, int(down * box.y1)), max(0, math.ceil(down * box.y2)))
            columns = slice(max(0, int(across * box.x1)), max(0, math.ceil(across * box.x2)))
            changes[rows, columns] = 0
        return float(changes.max())

    def _cells(self, grey: GrayImage) -> NDArray[np.uint8]:
        """Average a picture; one that is first compared and then kept is averaged once."""
        if self._seen is None or self._seen[0] is not grey:
            self._seen = grey, average(grey, CELLS)
        return self._seen[1]
