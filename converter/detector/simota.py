"""Which cells a network is to answer by for each face, and how far off it is.

SimOTA (Ge et al. 2021, arXiv:2107.08430): of the cells near a face those answer that already
answer best; as many of them as overlap it well.
"""

from typing import Any

from keras import ops

OVERLAP_WEIGHT = 3.0
"""Weight of a cell's overlap against its score in choosing it, as in the authors' own code
(Megvii-BaseDetection/YOLOX, yolo_head.py)."""

MOST = 10
"""Cells whose overlaps are summed to say how many answer for a face, as there."""

FAR = 1e5
"""Cost of a cell that may not answer."""


def match(scores: Any, overlaps: Any, cells: Any, allowed: Any, count: int) -> Any:
    """Choose the cells that answer for each face.

    Args:
        scores: logits of the candidates, (batch, faces, candidates).
        overlaps: IoU of their boxes with the face, likewise.
        cells: which cell each is, integers, likewise.
        allowed: whether it may answer, likewise.
        count: cells of a picture.

    Returns:
        Which candidates answer, (batch, faces, candidates), 0 or 1; a cell for one face at most.
    """
    cost = ops.softplus(-scores) - OVERLAP_WEIGHT * ops.log(overlaps + 1e-6)
    cost = ops.where(allowed, cost, FAR)
    number = ops.sum(ops.top_k(ops.where(allowed, overlaps, 0.0), MOST)[0], axis=-1)
    wanted = ops.maximum(ops.cast(number, "int32"), 1)
    ranks = ops.argsort(ops.argsort(cost, axis=-1), axis=-1)
    chosen = ops.logical_and(ranks < wanted[..., None], allowed)
    return ops.cast(_undisputed(cost, chosen, cells, count), "float32")


def _undisputed(cost: Any, chosen: Any, cells: Any, count: int) -> Any:
    """Leave each cell to the face it costs least."""
    gain = ops.where(chosen, -cost, -FAR)
    return ops.logical_and(chosen, gain >= at_cells(best_of_cells(gain, cells, count), cells))


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
