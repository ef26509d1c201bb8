"""Lessons: what is marked in a photograph, and what a teacher adds to it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.detector.annotations import AnnotatedImage
from converter.detector.average_precision import overlaps
from converter.detector.samples import TrainingSample, open_teacher, read_samples
from edge.detect.detector import Detector
from edge.errors import ConfigError, DataError
from edge.types import Image
from tests.converter.detector.drawn import GROUND, Bright, points_of

SEEN = (40, 30, 80, 90)
"""Marked, and bright: the teacher sees it."""
DARK = (200, 40, 240, 100)
"""Marked, and the teacher does not see it."""
UNMARKED = (300, 100, 340, 160)
"""Bright, and nobody marked it."""


@pytest.fixture
def photograph(tmp_path: Path) -> AnnotatedImage:
    """A photograph in which two faces are marked, and two can be seen."""
    image = np.full((200, 400, 3), GROUND, np.uint8)
    for left, top, right, bottom in (SEEN, UNMARKED):
        image[top:bottom, left:right] = 230
    cv2.imwrite(str(tmp_path / "a.png"), image)
    boxes = np.array([DARK, SEEN], np.float32)
    ignored = np.zeros(2, bool)
    return AnnotatedImage(tmp_path / "a.png", 400, 200, boxes, ignored, "drawn", "train")


def _read(photograph: AnnotatedImage, teacher: Detector | None) -> TrainingSample:
    (sample,) = read_samples([photograph], teacher)
    return sample


def test_the_teachers_points_are_those_of_the_face_that_they_are_on(
    photograph: AnnotatedImage,
) -> None:
    sample = _read(photograph, Bright())
    assert np.isnan(sample.points[0]).all()
    expected = points_of(np.array([SEEN], np.float32))[0]
    assert np.abs(sample.points[1] - expected).max() < 1


def test_a_face_that_only_the_teacher_sees_is_not_judged(photograph: AnnotatedImage) -> None:
    sample = _read(photograph, Bright())
    assert sample.ignored.tolist() == [False, False, True]
    assert np.abs(sample.boxes[2] - UNMARKED).max() < 1
    assert np.isnan(sample.points[2]).all()


def test_marked_boxes_stay_as_they_were_marked(photograph: AnnotatedImage) -> None:
    assert np.array_equal(_read(photograph, Bright()).boxes[:2], photograph.boxes)


def test_a_teacher_that_is_not_sure_is_not_believed(photograph: AnnotatedImage) -> None:
    assert _read(photograph, Bright(confidence=0.5)).ignored.tolist() == [False, False]


def test_a_teacher_without_points_tells_none(photograph: AnnotatedImage) -> None:
    assert np.isnan(_read(photograph, Bright(pointed=False)).points).all()


def test_without_a_teacher_no_points_are_known(photograph: AnnotatedImage) -> None:
    sample = _read(photograph, None)
    assert sample.points.shape == (2, 4, 2)
    assert np.isnan(sample.points).all()
    assert sample.ignored.tolist() == [False, False]


def test_a_teacher_that_sees_nothing_changes_nothing(photograph: AnnotatedImage) -> None:
    cv2.imwrite(str(photograph.path), np.zeros((200, 400, 3), np.uint8))
    sample = _read(photograph, Bright())
    assert np.isnan(sample.points).all()
    assert len(sample.boxes) == 2


def test_a_photograph_without_faces_has_none_whatever_the_teacher_sees(
    photograph: AnnotatedImage,
) -> None:
    """It was searched by people: what a teacher sees there is the error to be unlearnt."""
    nothing = np.empty((0, 4), np.float32)
    empty = AnnotatedImage(photograph.path, 400, 200, nothing, np.empty(0, bool), "a", "train")
    sample = _read(empty, Bright())
    assert (sample.boxes.shape, sample.points.shape) == ((0, 4), (0, 4, 2))


def test_a_photograph_that_cannot_be_read_is_named(photograph: AnnotatedImage) -> None:
    photograph.path.unlink()
    with pytest.raises(DataError, match=r"a\.png"):
        _read(photograph, None)


def test_a_teacher_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.onnx"):
        open_teacher(tmp_path / "gone.onnx")


def test_yunet_shows_where_eyes_nose_and_mouth_of_a_marked_face_are(
    yunet: Path, clip: list[Image], tmp_path: Path
) -> None:
    teacher = open_teacher(yunet)
    image = clip[0]
    height, width = image.shape[:2]
    (face,) = teacher.detect(image)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    boxes = np.array([face.box.edges], np.float32)
    marked = AnnotatedImage(
        tmp_path / "a.png", width, height, boxes, np.zeros(1, bool), "clip", "train"
    )
    sample = _read(marked, teacher)
    assert sample.ignored.tolist() == [False]
    right, left, nose, mouth = sample.points[0]
    assert right[0] < nose[0] < left[0]
    assert max(right[1], left[1]) < nose[1] < mouth[1]
    assert (sample.points[0] > boxes[0, :2]).all()
    assert (sample.points[0] < boxes[0, 2:]).all()


def test_overlaps_are_of_each_box_with_each_other() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32)
    others = np.array([[5, 0, 15, 10], [20, 0, 30, 10], [3, 3, 3, 3]], np.float32)
    assert overlaps(boxes, others).tolist() == [
        pytest.approx([1 / 3, 0, 0]),
        pytest.approx([0, 1, 0]),
    ]
    assert overlaps(boxes[:0], others).shape == (0, 3)
