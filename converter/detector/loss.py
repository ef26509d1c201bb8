"""The detector's loss: cells near the middle of a face may answer for it, and what that costs.

SimOTA (Ge et al. 2021, arXiv:2107.08430) assigns those that answer best: as many as overlap well.
"""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from converter.detector.annotations import Boxes
from edge.detect.builtin import cells as cells_of

STRIDES = (8, 16, 32)  # pixels from cell to cell of each grid
NEAREST = 9  # cells of each that may answer: 3 by 3 around a face's middle (arXiv:1904.01355)
CANDIDATES = NEAREST * len(STRIDES)
IOU_WEIGHT = 3.0  # of overlap against score in choosing a cell, as in YOLOX's yolo_head.py
MAX_CELLS = 10  # cells whose overlaps are summed to say how many answer for a face, as there
FORBIDDEN = 1e5  # cost of a cell that may not answer

ALPHA, GAMMA = 0.75, 2.0
"""Weight of the background and how fast it falls where the score is low already, of the
varifocal loss (Zhang et al. 2021, arXiv:2008.13367)."""

BOX_WEIGHT = 2.0
PARTS = ("score", "box")


class Grid:
    """The cells over an image of one size, stride by stride: `centers` (count, 2) in pixels."""

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
        margin = STRIDES[0] / 2
        after, before = boxes[:, None, :2] - margin, boxes[:, None, 2:] + margin
        within = ((self.centers >= after) & (self.centers <= before)).all(axis=2)
        return np.asarray(within.any(axis=0))


def assign(scores: Any, overlaps: Any, cells: Any, allowed: Any, count: int) -> Any:
    """Choose the cells that answer for each face, 0 or 1, a cell for one face at most.

    All arguments and the result are (batch, faces, candidates): logits, IoU of their boxes with
    the face, which of the image's `count` cells each candidate is, and whether it may answer.
    """
    cost = ops.softplus(-scores) - IOU_WEIGHT * ops.log(overlaps + 1e-6)
    cost = ops.where(allowed, cost, FORBIDDEN)
    number = ops.sum(ops.top_k(ops.where(allowed, overlaps, 0.0), MAX_CELLS)[0], axis=-1)
    wanted = ops.maximum(ops.cast(number, "int32"), 1)
    ranks = ops.argsort(ops.argsort(cost, axis=-1), axis=-1)
    chosen = ops.logical_and(ranks < wanted[..., None], allowed)
    # Each cell is left to the face that it costs least.
    gain = ops.where(chosen, -cost, -FORBIDDEN)
    undisputed = gain >= at_cells(best_of_cells(gain, cells, count)[..., None], cells)[..., 0]
    return ops.cast(ops.logical_and(chosen, undisputed), "float32")


def best_of_cells(values: Any, cells: Any, count: int) -> Any:
    """Return the largest of the candidates' values in each cell, (batch, count)."""
    batch = ops.shape(values)[0]
    segments = cells + count * ops.arange(batch, dtype="int32")[:, None, None]
    flat, segments = ops.reshape(values, (-1,)), ops.reshape(segments, (-1,))
    return ops.reshape(ops.segment_max(flat, segments, batch * count), (batch, count))


def at_cells(values: Any, cells: Any) -> Any:
    """Return what (batch, cells, n) holds at each candidate, (batch, faces, candidates, n)."""
    batch, faces, candidates = ops.shape(cells)
    flat = ops.reshape(cells, (batch, faces * candidates, 1))
    taken = ops.take_along_axis(values, flat, axis=1)
    return ops.reshape(taken, (batch, faces, candidates, values.shape[-1]))


def detection_loss(grid: Grid, truth: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of the loss, scalars, by name, of `SampleBatches`' targets and an answer.

    Each is a mean over the answering cells. A score is to be the overlap of its own box with the
    face (varifocal loss), so that of two boxes of a face the better one is kept; a box is judged by
    its overlap, middle and sides (EIoU, Zhang et al. 2022, arXiv:2101.08158).
    """
    cells = ops.maximum(truth["candidates"], 0)
    allowed = ops.logical_and(truth["candidates"] >= 0, truth["known"][..., None] > 0)
    scores, strides = answer["scores"][..., 0], grid.strides[:, None]
    middles = answer["boxes"][..., :2] * strides + grid.centers
    # A network that begins to learn may say anything: e^6 strides are wider than any image.
    halves = ops.exp(ops.clip(answer["boxes"][..., 2:], -4.0, 6.0)) * (strides / 2)
    boxes = at_cells(ops.concatenate([middles - halves, middles + halves], axis=-1), cells)
    overlaps, misfit = compare(boxes, truth["boxes"][:, :, None])
    own = ops.stop_gradient(at_cells(answer["scores"], cells)[..., 0])
    settled, count = ops.stop_gradient(overlaps), grid.count
    weight = settled * ops.stop_gradient(assign(own, settled, cells, allowed, count))
    sure = ops.maximum(best_of_cells(weight, cells, count), 0.0)
    total = ops.maximum(ops.sum(weight), 1.0)
    return {
        "score": ops.sum(varifocal(scores, sure, truth["background"])) / total,
        "box": BOX_WEIGHT * ops.sum(weight * misfit) / total,
    }


def varifocal(logits: Any, targets: Any, background: Any) -> Any:
    """Return the loss of each cell; how much a calm background weighs is taken as it is.

    All are (batch, cells). Targets are the overlaps of the answering cells, 0 elsewhere; the
    background's weight is 0 where it is unknown whether there is a face.
    """
    entropy = ops.softplus(logits) - targets * logits
    calm = ALPHA * ops.power(ops.stop_gradient(ops.sigmoid(logits)), GAMMA) * background
    return entropy * ops.where(targets > 0, targets, calm)


def compare(boxes: Any, others: Any) -> tuple[Any, Any]:
    """Return IoU and EIoU loss of boxes (..., 4), left, top, right and bottom."""
    larger, smaller = ops.maximum(boxes, others), ops.minimum(boxes, others)
    common = _area(ops.maximum(smaller[..., 2:] - larger[..., :2], 0.0))
    one, other = boxes[..., 2:] - boxes[..., :2], others[..., 2:] - others[..., :2]
    overlap = common / ops.maximum(_area(one) + _area(other) - common, 1e-6)
    around = larger[..., 2:] - smaller[..., :2]  # width and height of the box around both
    apart = (boxes[..., :2] + boxes[..., 2:] - others[..., :2] - others[..., 2:]) / 2
    middle = ops.sum(apart**2, axis=-1) / ops.maximum(ops.sum(around**2, axis=-1), 1e-6)
    shape = ops.sum((one - other) ** 2 / ops.maximum(around**2, 1e-6), axis=-1)
    return overlap, 1 - overlap + middle + shape


def _area(sides: Any) -> Any:
    return sides[..., 0] * sides[..., 1]
