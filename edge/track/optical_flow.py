"""Where a face went since the last picture, by the optical flow of its pixels."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.image_ops import halved
from edge.geometry import Box, Shift
from edge.types import GrayImage

GRID = 6
"""Points along each side of a face that are followed."""

INNER = 0.7
"""Share of the box they are spread over: nearer its edge lies background."""

STEPS = np.linspace(-INNER / 2, INNER / 2, GRID)

UNIT_GRID = np.stack(np.meshgrid(STEPS, STEPS), axis=-1).reshape(-1, 2)
"""The points around the middle of a box, in its sides."""

REACH = 0.5
"""How far beyond the box they are looked for, in its sides."""

MAX_RETURN = 1.0
"""Pixels: a point followed there and back must end this close to where it began."""

MIN_KEPT = 0.5
"""Share of the points that must come back; fewer, and the face was lost."""

WINDOW, LEVELS = (11, 11), 2
"""Pixels around a point that are compared, in a pyramid of so many halvings: together they find a
point up to some 40 pixels away."""

LARGEST = 64.0
"""Pixels: a face that is larger is followed in a copy made half as large, as often as that goes. It
has detail enough, and moves by fewer pixels; the time goes with the pixels."""

Points = NDArray[np.float32]


def track_box(before: GrayImage, after: GrayImage, box: Box) -> Shift | None:
    """Return how the face in `box` moved from one picture to the next, None where it was lost.

    Median flow (Kalal, Mikolajczyk and Matas 2010, doi:10.1109/ICPR.2010.675): a grid of points is
    followed by Lucas and Kanade's method forward and back again; of those that return, the median
    movement and the median change of their distances are the face's.

    Args:
        before: the picture that `box` was seen in.
        after: the one that followed, of the same size.
        box: in `before`, in its pixels.
    """
    place = _around(box, before.shape)
    if place is None:
        return None
    rows, columns = place
    shrunk = _halvings(box)
    corner = np.array([columns.start, rows.start], dtype=np.float32)
    here = (_grid(box) - corner) / 2**shrunk
    first, second = (_halved(picture[rows, columns], shrunk) for picture in (before, after))
    there, kept = _there_and_back(first, second, here)
    if kept.mean() < MIN_KEPT:
        return None
    return _shift(here[kept] * 2**shrunk + corner, there[kept] * 2**shrunk + corner)


def _halvings(box: Box) -> int:
    """Return how often a face may be made half as large."""
    return max(0, math.ceil(math.log2(max(box.width, box.height) / LARGEST)))


def _halved(part: GrayImage, times: int) -> GrayImage:
    """Return a part of a picture made half as large so many times."""
    for _ in range(times):
        part = halved(part)
    return part


def _around(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """Return the rows and columns to look in, None where too little of them is in the picture."""
    across, down = REACH * box.width, REACH * box.height
    x1, x2 = np.clip([box.x1 - across, box.x2 + across], 0, shape[1]).astype(int).tolist()
    y1, y2 = np.clip([box.y1 - down, box.y2 + down], 0, shape[0]).astype(int).tolist()
    if min(x2 - x1, y2 - y1) <= WINDOW[0] * 2 ** _halvings(box):
        return None
    return slice(y1, y2), slice(x1, x2)


def _grid(box: Box) -> Points:
    """Return the points to track_box, float32 (GRID * GRID, 2)."""
    size, middle = (box.width, box.height), (box.center.x, box.center.y)
    return (UNIT_GRID * size + middle).astype(np.float32)


def _there_and_back(
    before: GrayImage, after: GrayImage, here: Points
) -> tuple[Points, NDArray[np.bool_]]:
    """Follow points forward and back; return where they went and which came back."""
    there, forward = _follow(before, after, here)
    back, backward = _follow(after, before, there)
    off = back - here
    near = np.hypot(off[:, 0], off[:, 1]) < MAX_RETURN
    return there, np.asarray(near & forward & backward)


def _follow(
    before: GrayImage, after: GrayImage, points: Points
) -> tuple[Points, NDArray[np.bool_]]:
    """Return where points went, and which were found again."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, np.empty_like(points), winSize=WINDOW, maxLevel=LEVELS
    )
    return np.asarray(there, dtype=np.float32), np.asarray(found[:, 0] == 1)


def _shift(here: Points, there: Points) -> Shift:
    scale = float(_median(_distances(there) / _distances(here)))
    right, down = _median(there - scale * here).tolist()
    return Shift(right, down, scale)


def _median(values: Points) -> Points:
    """Return the median along the first axis; numpy's own takes ten times as long for so few."""
    ordered, middle = np.sort(values, axis=0), len(values) // 2
    return np.asarray((ordered[middle] + ordered[-middle - 1]) / 2)


def _distances(points: Points) -> Points:
    """Return the distance of each point to the one half the list away: far apart, so well told."""
    half = len(points) // 2
    apart = points - np.concatenate([points[-half:], points[:-half]])
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]))
