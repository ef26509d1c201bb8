"""Expressions in still images, with a config of their own or that of a running daemon."""

import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest

from edge import EmotionRecognizer
from edge.errors import ConfigError, InputError
from edge.types import Expression, Image


@pytest.fixture(scope="module")
def recognizer() -> EmotionRecognizer:
    return EmotionRecognizer()


def test_a_face_comes_with_its_box_its_expression_and_every_probability(
    recognizer: EmotionRecognizer, clip: list[Image]
) -> None:
    (face,) = recognizer.analyze(clip[2])
    assert face.probabilities is not None
    assert len(face.probabilities) == 8
    assert sum(face.probabilities.values()) == pytest.approx(1.0, abs=0.01)
    assert face.confidence == max(face.probabilities.values()) == face.probabilities[face.emotion]
    height, width = clip[2].shape[:2]
    assert 0 <= face.box.x1 < face.box.x2 <= width
    assert 0 <= face.box.y1 < face.box.y2 <= height


def test_several_faces_are_numbered_from_left_to_right_in_each_picture(
    recognizer: EmotionRecognizer, clip: list[Image]
) -> None:
    pair = np.hstack([clip[2], clip[2]])
    for _ in range(2):
        faces = recognizer.analyze(pair)
        assert [face.track.track_id for face in faces] == [1, 2]
        assert faces[0].box.x1 < faces[1].box.x1


def test_a_picture_without_a_face_has_none(recognizer: EmotionRecognizer) -> None:
    assert recognizer.analyze(np.full((480, 640, 3), 90, dtype=np.uint8)) == []


def test_a_picture_says_nothing_of_the_next(
    recognizer: EmotionRecognizer, clip: list[Image]
) -> None:
    def told(faces: list[Expression]) -> list[tuple[str, float | None]]:
        return [(face.emotion, face.confidence) for face in faces]

    first = told(recognizer.analyze(clip[2]))
    recognizer.analyze(clip[-1])
    assert told(recognizer.analyze(clip[2])) == first


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_read_by_its_path(
    recognizer: EmotionRecognizer, clip: list[Image], tmp_path: Path, kind: type[Any]
) -> None:
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), clip[2])
    assert recognizer.analyze(kind(path)) == recognizer.analyze(clip[2])


def test_a_file_that_is_no_picture_is_an_error_that_names_it(
    recognizer: EmotionRecognizer, tmp_path: Path
) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam")
    with pytest.raises(InputError, match=r"letter\.txt: is not a picture"):
        recognizer.analyze(path)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((48, 48, 2), dtype=np.uint8),
        np.zeros((48, 48, 4), dtype=np.uint8),
        np.zeros((48, 48, 3), dtype=np.float32),
        np.zeros((0, 48, 3), dtype=np.uint8),
    ],
)
def test_an_array_of_another_kind_is_refused_with_what_is_expected(
    recognizer: EmotionRecognizer, array: Any
) -> None:
    with pytest.raises(ValueError, match="expected a uint8 image, BGR"):
        recognizer.analyze(array)


def test_model_and_detector_can_be_chosen(clip: list[Image]) -> None:
    (face,) = EmotionRecognizer(model="deep-int8", detector="haar").analyze(clip[2])
    assert face.probabilities
    with pytest.raises(ConfigError, match="expected"):
        EmotionRecognizer(detector="hare")


def test_importing_the_package_loads_nothing_until_it_is_asked() -> None:
    told = "import sys, edge; print('cv2' in sys.modules); edge.EmotionRecognizer; "
    told += "print('cv2' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]


def test_threads_may_ask_at_once(clip: list[Image]) -> None:
    recognizer = EmotionRecognizer()
    emotions: list[str] = []

    def ask() -> None:
        emotions.extend(face.emotion for face in recognizer.analyze(clip[2]))

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(emotions) == 4
    assert len(set(emotions)) == 1
