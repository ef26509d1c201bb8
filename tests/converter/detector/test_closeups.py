"""Portraits: faces cut close, with the teacher's box and points in their own pixels."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.detector.samples import open_teacher, rows_of
from converter.detector.portraits import draw_portraits
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
    portraits = list(draw_portraits(_faces(), Bright(), seed=3))
    for portrait in portraits:
        assert np.abs(portrait.boxes[0] - BOX).max() < 0.7
        expected = points_of(np.array([BOX], np.float32))
        assert np.abs(portrait.points - expected).max() < 0.7


def test_a_face_that_the_teacher_does_not_find_is_left_out() -> None:
    portraits = list(draw_portraits(_faces(), Bright(), seed=3))
    assert len(portraits) == 2
    for portrait in portraits:
        assert portrait.image.shape == (48, 48, 3)
        assert np.array_equal(portrait.image[..., 1], _faces()[0])
        assert portrait.ignored.tolist() == [False]


def test_yunets_points_of_a_close_cut_are_those_of_the_whole_picture(
    yunet: Path, clip: list[Image]
) -> None:
    teacher = open_teacher(yunet)
    (whole,) = teacher.detect(clip[0])
    x, y = round(whole.box.center.x), round(whole.box.center.y)
    half = round(0.6 * whole.box.height)
    cut = cv2.cvtColor(clip[0][y - half : y + half, x - half : x + half], cv2.COLOR_BGR2GRAY)
    face = np.asarray(cv2.resize(cut, (48, 48), interpolation=cv2.INTER_AREA), np.uint8)
    (portrait,) = draw_portraits(face[None], teacher, seed=1)
    expected = (rows_of(whole) - (x - half, y - half)) * 48 / (2 * half)
    assert np.abs(portrait.points[0] - expected).max() < 4
    box = Box(*portrait.boxes[0].tolist())
    edges = (np.array(whole.box.edges) - np.tile((x - half, y - half), 2)) * 48 / (2 * half)
    assert box.iou(Box(*edges.tolist())) == pytest.approx(1, abs=0.35)
