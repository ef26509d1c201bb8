"""What a detector learns from: pictures, the faces in them, and where their eyes are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.detector.average_precision import overlaps
from converter.detector.photographs import Boxes, Photograph
from edge.detect import Detector
from edge.detect.yunet import YuNet, YuNetSettings
from edge.types import Face, Image

ENLARGED = 2
"""A teacher sees each photograph so many times as large: it finds smaller faces then."""

SURE = 0.6
"""Confidence from which a teacher is believed where it sees a face that nobody marked."""

SAME = 0.4
"""Overlap (IoU) at which a teacher's face is a marked one."""

Points = NDArray[np.float32]
"""Right eye, left eye, nose and mouth of faces in pixels, float32 (n, 4, 2); nan is unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One picture, a photograph or a scene made of some, and all that is known of its faces.

    Attributes:
        image: BGR uint8.
        boxes: of every face.
        points: of every face.
        ignored: (n,), which boxes are neither face nor background.
    """

    image: Image
    boxes: Boxes
    points: Points
    ignored: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Advice:
    """What a teacher says of one photograph.

    Attributes:
        points: of each marked face.
        others: boxes of faces that it sees and nobody marked.
    """

    points: Points
    others: Boxes


def open_teacher(model: Path) -> Detector:
    """Return the detector that teaches: YuNet with the network in `model`.

    Raises:
        ModelError, ConfigError: as `YuNet`.
    """
    return YuNet(YuNetSettings(model=model, width=4096, min_confidence=0.4))


def advise(teacher: Detector | None, photograph: Photograph, image: Image) -> Advice:
    """Ask a teacher about a photograph; without one, nothing is known."""
    points = np.full((len(photograph.boxes), 4, 2), np.nan, np.float32)
    if teacher is None or len(photograph.boxes) == 0:
        return Advice(points, np.empty((0, 4), np.float32))
    larger = cv2.resize(image, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    faces = teacher.detect(np.asarray(larger, dtype=np.uint8))
    edges = np.array([face.box.edges for face in faces], np.float32).reshape(-1, 4)
    boxes = edges / np.float32(ENLARGED)
    shared = overlaps(boxes, photograph.boxes)
    for row, face in enumerate(faces):
        best = int(shared[row].argmax())
        if shared[row, best] >= SAME and shared[:, best].argmax() == row:
            points[best] = rows_of(face) / ENLARGED
    unmarked = (shared.max(axis=1) < SAME) & (_confidences(faces) >= SURE)
    return Advice(points, boxes[unmarked])


def lesson(image: Image, photograph: Photograph, advice: Advice) -> Lesson:
    """Return a photograph as a lesson; faces that only the teacher sees are not judged."""
    unmarked = len(advice.others)
    return Lesson(
        image,
        np.concatenate([photograph.boxes, advice.others]),
        np.concatenate([advice.points, np.full((unmarked, 4, 2), np.nan, np.float32)]),
        np.concatenate([photograph.ignored, np.ones(unmarked, bool)]),
    )


def read_lessons(photographs: Iterable[Photograph], teacher: Detector | None) -> list[Lesson]:
    """Read photographs, and ask the teacher about each.

    Raises:
        DataError: one cannot be read.
    """
    lessons = []
    for photograph in photographs:
        image = photograph.read()
        lessons.append(lesson(image, photograph, advise(teacher, photograph, image)))
    return lessons


def rows_of(face: Face) -> NDArray[np.float32]:
    """Return a face's points in the order of `Points`, float32 (4, 2)."""
    if face.points is None:
        return np.full((4, 2), np.nan, np.float32)
    points = face.points
    four = (points.right_eye, points.left_eye, points.nose, points.mouth)
    return np.array([[point.x, point.y] for point in four], np.float32)


def _confidences(faces: Sequence[Face]) -> NDArray[np.float32]:
    return np.array([face.confidence for face in faces], np.float32)
