"""Landmark filter: rejects faces whose landmarks lie as no face's do, and tells profiles."""

import math
from collections.abc import Iterable

from edge.geometry import KeyPoints, Point
from edge.types import Face

MAX_ROLL = 60.0
"""Degrees; the detectors here find no face tilted further, and the classifier was trained
on none."""

MAX_YAW = 41.0
"""Degrees up to which a face looks at the camera: beyond them the nose lies beside the eyes."""

MAX_OUTSIDE = 0.25
"""Distance outside the box at which a landmark may lie, in heights of the box."""

MIN_EYES_TO_MOUTH = 0.2
"""Least distance of the mouth below the eyes, in heights of the box."""


def filter_faces(faces: Iterable[Face]) -> list[Face]:
    """Return the faces whose landmarks are valid."""
    return [face for face in faces if has_valid_landmarks(face)]


def has_valid_landmarks(face: Face) -> bool:
    """Tell whether landmarks are those of an upright face; true where a face has none.

    The eyes and mouth lie in or near the box, the mouth well below the eyes, the nose between.
    Below is along the face's own axis, at a right angle to the line of its eyes.
    """
    points = face.points
    return points is None or (
        abs(points.roll) <= MAX_ROLL and _inside(face, points) and _in_order(face, points)
    )


def is_frontal(face: Face) -> bool:
    """Tell whether a face looks at the camera, or not far beside it; true without landmarks.

    A hand that a detector takes for a face looks like a profile most of the time.
    """
    return face.points is None or abs(face.points.yaw) <= MAX_YAW


def _inside(face: Face, points: KeyPoints) -> bool:
    box, margin = face.box, MAX_OUTSIDE * face.box.height
    return all(
        box.x1 - margin <= point.x <= box.x2 + margin
        and box.y1 - margin <= point.y <= box.y2 + margin
        for point in (points.right_eye, points.left_eye, points.nose, points.mouth)
    )


def _in_order(face: Face, points: KeyPoints) -> bool:
    """Tell whether nose and mouth follow below the eyes."""
    nose, mouth = (_below(point, points) for point in (points.nose, points.mouth))
    return mouth >= MIN_EYES_TO_MOUTH * face.box.height and -0.1 * mouth <= nose <= mouth


def _below(point: Point, points: KeyPoints) -> float:
    """Return how far a point lies below the eyes, along the face's own axis."""
    eyes, tilt = points.eyes, math.radians(points.roll)
    return (point.y - eyes.y) * math.cos(tilt) - (point.x - eyes.x) * math.sin(tilt)
