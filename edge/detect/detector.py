"""Detector contract, which of its answers are one face and are believed, and which way up."""

import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.capture.source import ROTATIONS, OrientedSettings, orient
from edge.geometry import Box, CropCalibration
from edge.types import Face, Frame, Image

MAX_ROLL = 60.0  # degrees; no face tilted further is found, and the classifier learned none
MAX_YAW = 41.0  # degrees to which a face looks at the camera; beyond, the nose is beside the eyes
MAX_OUTSIDE = 0.25  # distance outside the box at which a landmark may lie, in heights of the box
MIN_EYES_TO_MOUTH = 0.2  # least distance of the mouth below the eyes, in heights of the box
MIN_WINS = 5  # images in which a rotation must find a face better before it is called better

WIN_SHARE = 0.8
"""Share of the images with a face in which it must do so. Upside down, a large face is found as
well, with less confidence: in 8 of 9 images of one close face (2026-11-29)."""

PROBE_INTERVAL_S = 5.0  # seconds between two searches in a rotated image while no face is found

log = logging.getLogger(__name__)


class Detector(Protocol):
    """Finds faces."""

    name: str  # in events
    crop_fit: CropCalibration  # turns its boxes into crops
    searches_near: bool  # near known faces alone, which saves most of its time

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces in `image`, BGR uint8 (height, width, 3), in its pixels, in any order.

        `known` are boxes of faces seen just before: one that `searches_near` looks around these
        alone, another may believe a face there that it would doubt elsewhere.
        """


def weighted_nms(
    scores: NDArray[Any], values: NDArray[Any], iou: float
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the index of the surest answer and one row of values for each face, the surest first.

    Rows, xyxy and more, that overlap it by more than `iou` are averaged with it, weighted by their
    scores: steadier than keeping one (Bazarevsky et al. 2019, arXiv:1907.05047, section 3).
    """
    boxes = [Box(*row) for row in values[:, :4].tolist()]
    order = np.argsort(-scores, kind="stable")
    while order.size:
        first = int(order[0])
        same = np.array([boxes[first].iou(boxes[row]) > iou for row in order])
        same[0] = True  # a box without area overlaps not even itself
        rows = order[same]
        alone = rows.size == 1  # mostly
        yield first, values[first] if alone else np.average(values[rows], 0, weights=scores[rows])
        order = order[~same]


def filter_faces(faces: Iterable[Face]) -> list[Face]:
    """Return the faces whose landmarks are valid."""
    return list(filter(has_valid_landmarks, faces))


def has_valid_landmarks(face: Face) -> bool:
    """Tell whether landmarks, if any, are of an upright face: in or near its box, in order."""
    points, box, margin = face.points, face.box, MAX_OUTSIDE * face.box.height
    if points is None:
        return True
    eyes, tilt = points.eyes, math.radians(points.roll)
    nose, mouth = (  # how far below the eyes, along the face's own axis
        (point.y - eyes.y) * math.cos(tilt) - (point.x - eyes.x) * math.sin(tilt)
        for point in (points.nose, points.mouth)
    )
    return (
        abs(points.roll) <= MAX_ROLL
        and mouth >= MIN_EYES_TO_MOUTH * box.height
        and -0.1 * mouth <= nose <= mouth
        and all(
            box.x1 - margin <= point.x <= box.x2 + margin
            and box.y1 - margin <= point.y <= box.y2 + margin
            for point in (points.right_eye, points.left_eye, points.nose, points.mouth)
        )
    )


def is_frontal(face: Face) -> bool:
    """Tell whether a face looks at the camera, as a hand seldom does; true without landmarks."""
    return face.points is None or abs(face.points.yaw) <= MAX_YAW


def surest(detector: Detector, image: Image, rotation: int = 0) -> float:
    """Return the confidence of the surest face in an image rotated by degrees, or 0.0."""
    rotated = orient(image, OrientedSettings(rotation=rotation))  # type: ignore[arg-type]
    return max((face.confidence for face in filter_faces(detector.detect(rotated))), default=0.0)


def better_rotation(detector: Detector, images: Iterable[Image]) -> tuple[Counter[int], int | None]:
    """Return how many images show faces by degrees clockwise, and the clearly better, if any."""
    found, wins = Counter[int](), Counter[int]()
    for image in images:
        present = surest(detector, image)
        found[0] += present > 0.0
        for rotation in ROTATIONS:
            confidence = surest(detector, image, rotation)
            found[rotation] += confidence > 0.0
            wins[rotation] += confidence > present
    best = max(ROTATIONS, key=lambda rotation: wins[rotation])
    least = max(MIN_WINS, WIN_SHARE * max(found[0], found[best]))
    return found, best if wins[best] >= least else None


class OrientationProbe:
    """Warns, once, where faces are found only in the image rotated, again and again."""

    def __init__(self, detector: Detector) -> None:
        self._detector, self._rotations = detector, cycle(ROTATIONS)
        self._wins, self._due_at = Counter[int](), -math.inf

    def update(self, frame: Frame, found: bool) -> None:
        """Take in a frame, and whether a face was found in it."""
        if found:
            self._wins.clear()
        elif frame.timestamp >= self._due_at:
            self._due_at = frame.timestamp + PROBE_INTERVAL_S
            rotation = next(self._rotations)
            self._wins[rotation] += surest(self._detector, frame.image, rotation) > 0.0
            if self._wins[rotation] == MIN_WINS:
                self._due_at = math.inf
                text = "no face is found, but where the image is rotated by another %d degrees "
                log.warning(f"{text}clockwise: set `rotation` of the source", rotation)
