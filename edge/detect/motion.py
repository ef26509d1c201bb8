"""Whether anything moves in front of the camera."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import GreyImage

CELLS = (80, 60)
"""The picture is averaged to so many cells: noise of single pixels averages away, a face that
turns does not."""


class Motion:
    """Compares pictures with one that was kept."""

    def __init__(self) -> None:
        self._kept: NDArray[np.uint8] | None = None

    def keep(self, grey: GreyImage) -> None:
        """Compare with this picture from now on."""
        self._kept = _cells(grey)

    def since_kept(self, grey: GreyImage) -> float:
        """Return the most that one cell differs from the kept picture, in grey values, 0-255."""
        cells = _cells(grey)
        if self._kept is None:
            return 255.0
        return float(cv2.absdiff(cells, self._kept).max())


def _cells(grey: GreyImage) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(grey, CELLS, interpolation=cv2.INTER_AREA), dtype=np.uint8)
