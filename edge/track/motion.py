"""Motion: frame differences, cuts between the shots of a video, and optical flow of a face."""

import math
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.image_ops import halve
from edge.geometry import Box, Shift
from edge.types import GrayImage

CELLS = (80, 60)  # across and down: noise of pixels averages away, a face that turns does not

CUT_CHANGE, CUT_SHIFT = 20.0, 0.2
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


def max_change(
    cells: GrayImage, reference: GrayImage, size: tuple[int, int], outside: Iterable[Box] = ()
) -> float:
    """Return the largest change of a cell, 0-255, outside of boxes in pixels of (width, height)."""
    changes = cv2.absdiff(cells, reference)
    across, down = CELLS[0] / size[0], CELLS[1] / size[1]
    for box in outside:
        rows = slice(max(0, int(down * box.y1)), max(0, math.ceil(down * box.y2)))
        columns = slice(max(0, int(across * box.x1)), max(0, math.ceil(across * box.x2)))
        changes[rows, columns] = 0
    return float(changes.max())


GRID, GRID_SHARE = 6, 0.7  # points along a side, share of the box that they cover: no background
STEPS = np.linspace(-GRID_SHARE / 2, GRID_SHARE / 2, GRID)
UNIT_GRID = np.stack(np.meshgrid(STEPS, STEPS), axis=-1).reshape(-1, 2)  # in sides of a box
SEARCH_MARGIN = 0.5  # width around the box in which the points are searched, in its sides

MAX_FB_ERROR, MIN_VALID_SHARE = 1.0, 0.5
"""Pixels from its start within which a point must end that is tracked there and back, and the share
of the points that must do so; else the face was lost."""

WINDOW, LEVELS = (11, 11), 2  # pixels around a point, halvings: it is found some 40 pixels away
MAX_FACE_SIDE = 64.0  # pixels; a larger face is tracked in a copy, halved until it is smaller

Points = NDArray[np.float32]


def track_box(before: GrayImage, after: GrayImage, box: Box) -> Shift | None:
    """Return how the face in `box` moved from one image to the next, None where it was lost.

    Median flow (Kalal, Mikolajczyk and Matas 2010, doi:10.1109/ICPR.2010.675): a grid of points is
    tracked forward and back again; of those that return, the median movement and change of the
    distances are the face's shift. `box` is in the images' pixels.
    """
    height, width = before.shape
    across, down = SEARCH_MARGIN * box.width, SEARCH_MARGIN * box.height
    x1, x2 = np.clip([box.x1 - across, box.x2 + across], 0, width).astype(int).tolist()
    y1, y2 = np.clip([box.y1 - down, box.y2 + down], 0, height).astype(int).tolist()
    halvings = max(0, math.ceil(math.log2(max(box.width, box.height) / MAX_FACE_SIDE)))
    if min(x2 - x1, y2 - y1) <= WINDOW[0] * 2**halvings:
        return None  # too little of it is in the image
    first, second = before[y1:y2, x1:x2], after[y1:y2, x1:x2]
    for _ in range(halvings):
        first, second = halve(first), halve(second)
    corner = np.array([x1, y1], dtype=np.float32)
    size, middle = (box.width, box.height), (box.center.x, box.center.y)
    here = ((UNIT_GRID * size + middle).astype(np.float32) - corner) / 2**halvings
    there, forward = _lucas_kanade(first, second, here)
    back, backward = _lucas_kanade(second, first, there)
    valid = forward & backward & (np.hypot(*(back - here).T) < MAX_FB_ERROR)
    if valid.mean() < MIN_VALID_SHARE:
        return None
    here, there = (points[valid] * 2**halvings + corner for points in (here, there))
    scale = float(_median(_distances(there) / _distances(here)))
    right, down = _median(there - scale * here).tolist()
    return Shift(right, down, scale)


def _lucas_kanade(
    before: GrayImage, after: GrayImage, points: Points
) -> tuple[Points, NDArray[np.bool_]]:
    """Return where points went, and which were found again."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, np.empty_like(points), winSize=WINDOW, maxLevel=LEVELS
    )
    return np.asarray(there, dtype=np.float32), np.asarray(found[:, 0] == 1)


def _median(values: Points) -> Points:
    """Return the median along the first axis; numpy's own takes ten times as long for so few."""
    ordered, middle = np.sort(values, axis=0), len(values) // 2
    return np.asarray((ordered[middle] + ordered[-middle - 1]) / 2)


def _distances(points: Points) -> Points:
    """Return the distance of each point to the one half the list away: far apart, so precise."""
    half = len(points) // 2
    apart = points - np.concatenate([points[-half:], points[:-half]])
    return np.asarray(np.hypot(*apart.T))
