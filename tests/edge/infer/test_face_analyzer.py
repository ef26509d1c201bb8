from collections.abc import Sequence

import numpy as np
import pytest

from edge.detect import HaarSettings, open_detector
from edge.infer.classifier import ClassifierOutput, ClassifierSettings, open_classifier
from edge.infer.face_analyzer import FaceAnalyzer, crops_similar
from edge.infer.quality import QualitySettings
from edge.types import Face, GrayImage, Image


class Reader:
    """The shipped classifier, counting the crops that it reads."""

    def __init__(self) -> None:
        self.crops = 0
        self._classifier = open_classifier(ClassifierSettings())
        self.card = self._classifier.card

    def classify(self, crops: Sequence[GrayImage], mirror: bool = False) -> ClassifierOutput:
        self.crops += len(crops)
        return self._classifier.classify(crops, mirror)


@pytest.fixture
def reader() -> Reader:
    return Reader()


def look_by(reader: Reader) -> FaceAnalyzer:
    return FaceAnalyzer(reader, open_detector(HaarSettings()).crop_fit, QualitySettings())


def face_in(image: Image) -> Face:
    (face,) = open_detector(HaarSettings()).detect(image)
    return face


def test_a_face_that_looks_the_same_is_not_read_again(reader: Reader, clip: list[Image]) -> None:
    looker, face = look_by(reader), face_in(clip[4])
    (first,) = looker.look(clip[4], [face])
    noise = np.random.default_rng(0).normal(0, 1.5, clip[4].shape)
    noisy = np.clip(clip[4] + noise, 0, 255).astype(np.uint8)
    (second,) = looker.look(noisy, [face], [first])
    assert second is first
    assert reader.crops == 1


def test_a_face_that_changed_is_read_and_others_keep_their_place(
    reader: Reader, clip: list[Image]
) -> None:
    looker, face = look_by(reader), face_in(clip[4])
    (first,) = looker.look(clip[4], [face])
    (other,) = looker.look(clip[0], [face])
    looks = looker.look(clip[4], [face, face, face], [first, other, None])
    assert looks[0] is first
    assert looks[1] is not other
    assert [int(look.probabilities.argmax()) for look in looks] == [3, 3, 3]
    assert reader.crops == 4


def test_crops_are_alike_up_to_a_mean_difference() -> None:
    grey = np.full((48, 48), 100, dtype=np.uint8)
    assert crops_similar(grey, grey + np.uint8(1))
    assert not crops_similar(grey, grey + np.uint8(2))
