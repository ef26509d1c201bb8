"""Portraits: faces cut close, with the teacher's box and points in their own pixels."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.detector.samples import closeup_samples, open_teacher, points_of_face
from edge.geometry import Box
from edge.types import Image
from tests.converter.detector.drawn import GROUND, Bright, points_of

BOX = (12, 8, 34, 40)


def _faces() -> np.ndarray:
    """Return pictures of 48 pixels: a bright box, one dark picture, and the box again."""
    faces = np.full((3, 48, 48), GROUND, np.uint8)
    for number in (0, 2):
        faces[number, BOX[1] : BOX[3], BOX[0] : BOX[2]] = 255
    return faces


def test_box_and_points_are_brought_into_the_faces_own_pixels() -> None:
    closeups = list(closeup_samples(_faces(), Bright(), seed=3))
    for closeup in closeups:
        assert np.abs(closeup.boxes[0] - BOX).max() < 0.7
        expected = points_of(np.array([BOX], np.float32))
        assert np.abs(closeup.points - expected).max() < 0.7


def test_a_face_that_the_teacher_does_not_find_is_left_out() -> None:
    closeups = list(closeup_samples(_faces(), Bright(), seed=3))
    assert len(closeups) == 2
    for closeup in closeups:
        assert closeup.image.shape == (48, 48, 3)
        assert np.array_equal(closeup.image[..., 1], _faces()[0])
        assert closeup.ignored.tolist() == [False]


def test_yunets_points_of_a_close_cut_are_those_of_the_whole_picture(
    yunet: Path, clip: list[Image]
) -> None:
    teacher = open_teacher(yunet)
    (whole,) = teacher.detect(clip[0])
    x, y = round(whole.box.center.x), round(whole.box.center.y)
    half = round(0.6 * whole.box.height)
    cut = cv2.cvtColor(clip[0][y - half : y + half, x - half : x + half], cv2.COLOR_BGR2GRAY)
    face = np.asarray(cv2.resize(cut, (48, 48), interpolation=cv2.INTER_AREA), np.uint8)
    (closeup,) = closeup_samples(face[None], teacher, seed=1)
    expected = (points_of_face(whole) - (x - half, y - half)) * 48 / (2 * half)
    assert np.abs(closeup.points[0] - expected).max() < 4
    box = Box(*closeup.boxes[0].tolist())
    edges = (np.array(whole.box.edges) - np.tile((x - half, y - half), 2)) * 48 / (2 * half)
    assert box.iou(Box(*edges.tolist())) == pytest.approx(1, abs=0.35)
