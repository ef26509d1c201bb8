"""The cells that a detector answers by, and which of them may answer for a face."""

import numpy as np
from numpy.typing import NDArray

from converter.detector.photographs import Boxes
from edge.detect.builtin import cells

STRIDES = (8, 16, 32)
"""Pixels from cell to cell of each grid."""

NEAREST = 9
"""Cells of each grid that may answer for a face: the 3 by 3 around its middle (centre sampling,
Tian et al. 2019, arXiv:1904.01355)."""

CANDIDATES = NEAREST * len(STRIDES)


class Cells:
    """The grids over a picture of one size.

    Attributes:
        count: cells of all grids together.
        strides: float32 (count,), pixels.
        middles: float32 (count, 2), x and y of each cell in pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        grid = cells((height, width), STRIDES)
        self.strides = grid[:, 2]
        self.middles = grid[:, :2] * grid[:, 2:]
        self.count = len(grid)
        self._shapes = [(-(-height // stride), -(-width // stride)) for stride in STRIDES]
        self._starts = np.searchsorted(self.strides, STRIDES)

    def candidates(self, boxes: Boxes) -> NDArray[np.int32]:
        """Return the cells around the middle of each box, int32 (n, CANDIDATES); -1 is none."""
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        rows, columns = (step.ravel() for step in np.indices((3, 3)) - 1)
        found = []
        for stride, start, (height, width) in zip(STRIDES, self._starts, self._shapes, strict=True):
            nearest = np.rint(middles / stride).astype(np.int32)
            x, y = nearest[:, :1] + columns, nearest[:, 1:] + rows
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            found.append(np.where(inside, start + y * width + x, -1))
        return np.concatenate(found, axis=1).astype(np.int32)

    def inside(self, boxes: Boxes) -> NDArray[np.bool_]:
        """Tell which cells lie in any of the boxes, or beside one that lies between cells."""
        x, y = self.middles.T
        margin = STRIDES[0] / 2
        within = (
            (x >= boxes[:, :1] - margin)
            & (x <= boxes[:, 2:3] + margin)
            & (y >= boxes[:, 1:2] - margin)
            & (y <= boxes[:, 3:4] + margin)
        )
        return np.asarray(within.any(axis=0))
