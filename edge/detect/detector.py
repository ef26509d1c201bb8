"""Detector contract, and what is believed of the faces that a detector finds."""

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from edge.geometry import Box, CropCalibration
from edge.types import Face, Image


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


MAX_ROLL = 60.0  # degrees; no face tilted further is found, and the classifier learned none
MAX_YAW = 41.0  # degrees to which a face looks at the camera; beyond, the nose is beside the eyes
MAX_OUTSIDE = 0.25  # distance outside the box at which a landmark may lie, in heights of the box
MIN_EYES_TO_MOUTH = 0.2  # least distance of the mouth below the eyes, in heights of the box


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
