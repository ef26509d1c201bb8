"""Average precision: boxes found are matched to true faces, and counted as the threshold falls.

Boxes are float (n, 4): left, top, right, bottom. All of an image are in one frame of reference,
and heights are compared with it: fit the boxes into 320x240 to speak of faces of 16 pixels there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

MIN_SCORE = 0.02  # confidence from which a box counts: next to nothing is left out
IOU = 0.4  # overlap of a hit; below the usual 0.5, as the sources draw their boxes differently


class Detections(NamedTuple):
    """The boxes found in one image, and their scores, (n,): higher is surer."""

    boxes: Floats
    scores: Floats


class Truth(NamedTuple):
    """The faces there are in one image, and which are neither face nor background, (n,)."""

    boxes: Floats
    ignored: Flags


class HeightRange(NamedTuple):
    """Heights of faces, in pixels, from `low` up to but not including `high`."""

    low: float
    high: float = math.inf

    def contains(self, heights: Floats) -> Flags:
        """Tell which heights lie in it; NaN does not."""
        return np.asarray((heights >= self.low) & (heights < self.high))

    def __str__(self) -> str:
        return f"{self.low:g}-{self.high:g}" if self.high < math.inf else f"{self.low:g}+"


ALL = HeightRange(16)  # the faces that the overall figures are about
HEIGHT_RANGES = (HeightRange(8, 16), HeightRange(16, 32), HeightRange(32, 64), HeightRange(64))


@dataclass(frozen=True, slots=True, eq=False)
class PrCurve:
    """Hits and false boxes at each of k thresholds, the highest first."""

    hits: Counts  # faces found
    false: Counts  # boxes that are of no face, or of one that is found already
    faces: int  # to find
    images: int  # searched

    @property
    def recall(self) -> Floats:
        """Share of the faces found at each threshold, (k,); NaN where there are none."""
        return self.hits / (self.faces or math.nan)

    @property
    def precision(self) -> Floats:
        """Share of the boxes that are hits at each threshold, (k,)."""
        return np.asarray(self.hits / (self.hits + self.false))

    @property
    def average_precision(self) -> float:
        """Area under the best precision at each recall and beyond, 0-1; NaN without faces.

        As in PASCAL VOC from 2010 on (Everingham et al. 2010, doi:10.1007/s11263-009-0275-4).
        """
        if not self.faces:
            return math.nan
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        return float((np.diff(self.recall, prepend=0.0) * envelope).sum())

    def recall_at(self, false_per_image: float) -> float:
        """Return the greatest recall with no more false boxes than that; NaN without faces."""
        if not self.faces:
            return math.nan
        few = self.false <= false_per_image * self.images
        return float(self.hits[few].max(initial=0) / self.faces)


def precision_recall(
    found: Sequence[Detections],
    truth: Sequence[Truth],
    iou: float = IOU,
    heights: HeightRange = ALL,
) -> PrCurve:
    """Return how hits and false boxes grow, for the faces of one range of heights.

    The surest box of an image chooses first, of the faces that are free the one it overlaps most.
    Ignored faces and other heights are left out, as COCO's crowds and areas are (arXiv:1405.0312).
    """
    judged = [_judge(one, there, iou, heights) for one, there in zip(found, truth, strict=True)]
    scores = np.concatenate([np.empty(0), *(one for one, _ in judged)])
    hits = np.concatenate([np.empty(0, bool), *(one for _, one in judged)])
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.diff(scores[order], append=-math.inf))  # of each row of equal scores
    right = np.cumsum(hits[order], dtype=np.int64)[last]
    faces = sum(heights.contains(_heights(one.boxes[~one.ignored])).sum() for one in truth)
    return PrCurve(right, last + 1 - right, int(faces), len(found))


def _judge(found: Detections, truth: Truth, iou: float, band: HeightRange) -> tuple[Floats, Flags]:
    """Return the scores of the boxes of one image that count, and which of them are hits."""
    order = np.argsort(-found.scores, kind="stable")
    boxes = found.boxes[order]
    faces, ignored = truth.boxes[~truth.ignored], truth.boxes[truth.ignored]
    owners, first = _assign(overlaps(boxes, faces), iou)
    of_face = band.contains(np.append(_heights(faces), math.nan)[owners])  # -1 is the last
    covered = _common(boxes, ignored) / np.maximum(_areas(boxes)[:, None], 1e-9)
    of_nothing = (owners < 0) & ~(covered >= iou).any(axis=1) & band.contains(_heights(boxes))
    counted = of_face | of_nothing
    return found.scores[order][counted], (of_face & first)[counted]


def _assign(overlaps: Floats, least: float) -> tuple[Counts, Flags]:
    """Return the index of each box's face, -1 for none, and whether it was free; surest first."""
    owners = np.full(len(overlaps), -1, dtype=np.int64)
    first = np.zeros(len(overlaps), dtype=np.bool_)
    free = np.ones(overlaps.shape[1], dtype=np.bool_)
    near = overlaps >= least
    for row in np.flatnonzero(near.any(axis=1)):
        first[row] = (near[row] & free).any()
        choice = near[row] & free if first[row] else near[row]
        owners[row] = np.argmax(np.where(choice, overlaps[row], -1.0))
        free[owners[row]] = False
    return owners, first


def overlaps(boxes: Floats, others: Floats) -> Floats:
    """Return the IoU of each box with each other, (n, m); 0 where both are without area."""
    common = _common(boxes, others)
    union = _areas(boxes)[:, None] + _areas(others) - common
    return np.asarray(common / np.maximum(union, 1e-9))


def _common(boxes: Floats, others: Floats) -> Floats:
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.maximum(high - low, 0).prod(axis=2))


def _heights(boxes: Floats) -> Floats:
    return np.asarray(boxes[:, 3] - boxes[:, 1])


def _areas(boxes: Floats) -> Floats:
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1))
