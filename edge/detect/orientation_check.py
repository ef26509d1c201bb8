"""Orientation check: tells whether faces are found better in the image rotated."""

import logging
import math
from collections import Counter
from collections.abc import Iterable
from itertools import cycle

from edge.capture.orientation import ROTATIONS, OrientedSettings, orient
from edge.detect.detector import Detector, filter_faces
from edge.types import Frame, Image

MIN_WINS = 5  # images in which a rotation must find a face better before it is called better

WIN_SHARE = 0.8
"""Share of the images with a face in which it must do so. Upside down, a large face is found as
well, with less confidence: in 8 of 9 images of one close face (2026-11-29)."""

PROBE_INTERVAL_S = 5.0  # seconds between two searches in a rotated image while no face is found

log = logging.getLogger(__name__)


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
