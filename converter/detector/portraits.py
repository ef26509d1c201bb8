"""Faces cut close, such as FER2013's, as lessons of what a large face looks like."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.evaluate.crop_calibration import Finding, find_faces
from converter.detector.samples import Lesson, rows_of
from edge.detect import Detector


def draw_portraits(faces: NDArray[np.uint8], teacher: Detector, seed: int) -> Iterator[Lesson]:
    """Yield the faces that the teacher finds once they are laid into a canvas.

    The canvas serves to find box and points; the lesson is the face alone.

    Args:
        faces: uint8 (n, side, side).
        teacher: says where box and points are.
        seed: of sizes and places.
    """
    for finding in find_faces(teacher, faces, seed):
        yield _portrait(faces[finding.row], finding)


def _portrait(pixels: NDArray[np.uint8], finding: Finding) -> Lesson:
    """Return a face with the teacher's box and points in its own pixels."""
    corner = np.array([finding.square.x1, finding.square.y1], np.float32)
    scale = np.float32(len(pixels) / finding.square.height)
    box = np.array(finding.face.box.edges, np.float32).reshape(1, 2, 2)
    return Lesson(
        np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), dtype=np.uint8),
        ((box - corner) * scale).reshape(1, 4),
        (rows_of(finding.face)[None] - corner) * scale,
        np.zeros(1, bool),
    )
