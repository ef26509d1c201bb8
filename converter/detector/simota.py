"""The grid of cells that a detector answers by, and which cells answer for a face.

The detector is anchor-free: cells near the middle of a face may answer for it. SimOTA (Ge et al.
2021, arXiv:2107.08430) assigns those of them that already answer best; as many as overlap it well.
"""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from converter.detector.annotations import Boxes
from edge.detect.builtin import cells as cells_of

STRIDES = (8, 16, 32)
"""Pixels from cell to cell of each grid."""

NEAREST = 9
"""Cells of each grid that may answer for a face: the 3 by 3 around its middle (center sampling,
Tian et al. 2019, arXiv:1904.01355)."""

CANDIDATES = NEAREST * len(STRIDES)

IOU_WEIGHT = 3.0
"""Weight of a cell's overlap against its score in choosing it, as in the authors' own code
(Megvii-BaseDetection/YOLOX, yolo_head.py)."""

MAX_CELLS = 10
"""Cells whose overlaps are summed to say how many answer for a face, as there."""

FORBIDDEN = 1e5
"""Cost of a cell that may not answer."""


class Grid:
    """The cells over an image of one size, stride by stride.

    Attributes:
        count: cells of all strides together.
        strides: float32 (count,), pixels.
        centers: float32 (count, 2), x and y of each cell in pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        cells = cells_of((height, width), STRIDES)
        self.strides = cells[:, 2]
        self.centers = cells[:, :2] * cells[:, 2:]
        self.count = len(cells)
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
        x, y = self.centers.T
        margin = STRIDES[0] / 2
        within = (
            (x >= boxes[:, :1] - margin)
            & (x <= boxes[:, 2:3] + margin)
            & (y >= boxes[:, 1:2] - margin)
            & (y <= boxes[:, 3:4] + margin)
        )
        return np.asarray(within.any(axis=0))


def assign(scores: Any, overlaps: Any, cells: Any, allowed: Any, count: int) -> Any:
    """Choose the cells that answer for each face.

    Args:
        scores: logits of the candidates, (batch, faces, candidates).
        overlaps: IoU of their boxes with the face, likewise.
        cells: which cell each is, integers, likewise.
        allowed: whether it may answer, likewise.
        count: cells of an image.

    Returns:
        Which candidates answer, (batch, faces, candidates), 0 or 1; a cell for one face at most.
    """
    cost = ops.softplus(-scores) - IOU_WEIGHT * ops.log(overlaps + 1e-6)
    cost = ops.where(allowed, cost, FORBIDDEN)
    number = ops.sum(ops.top_k(ops.where(allowed, overlaps, 0.0), MAX_CELLS)[0], axis=-1)
    wanted = ops.maximum(ops.cast(number, "int32"), 1)
    ranks = ops.argsort(ops.argsort(cost, axis=-1), axis=-1)
    chosen = ops.logical_and(ranks < wanted[..., None], allowed)
    # Each cell is left to the face that it costs least.
    gain = ops.where(chosen, -cost, -FORBIDDEN)
    undisputed = gain >= at_cells(best_of_cells(gain, cells, count), cells)
    return ops.cast(ops.logical_and(chosen, undisputed), "float32")


def best_of_cells(values: Any, cells: Any, count: int) -> Any:
    """Return the largest of the candidates' values in each cell, (batch, count)."""
    batch = ops.shape(values)[0]
    segments = cells + count * ops.arange(batch, dtype="int32")[:, None, None]
    best = ops.segment_max(
        ops.reshape(values, (-1,)), ops.reshape(segments, (-1,)), num_segments=batch * count
    )
    return ops.reshape(best, (batch, count))


def at_cells(values: Any, cells: Any) -> Any:
    """Return what (batch, cells, ...) holds at each candidate, (batch, faces, candidates, ...)."""
    batch, faces, candidates = ops.shape(cells)
    flat = ops.reshape(cells, (batch, faces * candidates))
    if len(values.shape) == 3:
        taken = ops.take_along_axis(values, flat[..., None], axis=1)
        return ops.reshape(taken, (batch, faces, candidates, values.shape[-1]))
    return ops.reshape(ops.take_along_axis(values, flat, axis=1), (batch, faces, candidates))
