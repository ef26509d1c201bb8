import cv2
import numpy as np
import pytest

from edge.detect import HaarSettings, open_detector
from edge.records import Image


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
def test_any_shape_of_picture_is_searched(shape: tuple[int, int]) -> None:
    assert open_detector(HaarSettings()).detect(np.zeros((*shape, 3), dtype=np.uint8)) == []


def test_faces_smaller_than_the_limit_are_passed_over(clip: list[Image]) -> None:
    assert open_detector(HaarSettings(min_size=0.9)).detect(clip[0]) == []
