from typing import Literal

import cv2
import numpy as np
import pytest

from edge.detect import open_detector
from edge.detect.haar import HaarSettings
from edge.geometry import Box
from edge.types import Image


def test_one_face_is_found_in_every_average_face(clip: list[Image]) -> None:
    detector = open_detector(HaarSettings())
    assert [len(detector.detect(image)) for image in clip] == [1] * len(clip)


def test_boxes_are_pixels_of_the_frame_whatever_its_size(clip: list[Image]) -> None:
    detector = open_detector(HaarSettings())
    (small,) = detector.detect(clip[0])
    (large,) = detector.detect(np.asarray(cv2.resize(clip[0], (1280, 960)), dtype=np.uint8))
    assert large.box.width / small.box.width == pytest.approx(2.0, rel=0.05)
    assert small.confidence > 0


def test_nothing_is_found_in_noise_or_in_the_dark() -> None:
    detector = open_detector(HaarSettings())
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    assert detector.detect(noise) == []
    assert detector.detect(np.zeros((480, 640, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 2000), (2000, 1), (1, 1), (3, 641)])
def test_any_shape_of_image_is_searched(shape: tuple[int, int]) -> None:
    assert open_detector(HaarSettings()).detect(np.zeros((*shape, 3), dtype=np.uint8)) == []


def test_faces_smaller_than_the_limit_are_left_out(clip: list[Image]) -> None:
    assert open_detector(HaarSettings(min_size=0.9)).detect(clip[0]) == []


@pytest.mark.parametrize("cascade", ["alt2", "default"])
def test_either_cascade_can_be_chosen(
    clip: list[Image], cascade: Literal["alt2", "default"]
) -> None:
    (face,) = open_detector(HaarSettings(cascade=cascade)).detect(clip[0])
    assert 150 < face.box.height < 300


def test_near_a_known_face_it_is_found_again(clip: list[Image]) -> None:
    detector = open_detector(HaarSettings())
    (known,) = detector.detect(clip[0])
    (again,) = detector.detect(clip[0], known=[known.box])
    assert again.box.iou(known.box) > 0.8


def test_away_from_known_faces_none_is_searched(clip: list[Image]) -> None:
    detector = open_detector(HaarSettings())
    assert detector.detect(clip[0], known=[Box(0, 0, 60, 60), Box(900, 900, 990, 990)]) == []


def test_near_a_known_face_only_faces_about_as_large_are_searched(clip: list[Image]) -> None:
    detector = open_detector(HaarSettings())
    (known,) = detector.detect(clip[0])
    middle = known.box.center
    small = Box(middle.x - 30, middle.y - 30, middle.x + 30, middle.y + 30)
    assert detector.detect(clip[0], known=[small]) == []
