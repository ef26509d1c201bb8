from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detect import HaarSettings, open_detector
from edge.errors import CalibrationError, ModelError
from edge.infer.calibration import Calibrator
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier
from edge.infer.crop import QualitySettings
from edge.types import Image
from tests.edge.cameras import FakeCamera
from tests.edge.infer.models import copy_brightness


def calibrator(model: Path = Path("shallow-int8")) -> Calibrator:
    classifier = open_classifier(ClassifierSettings(ModelPath(model)))
    return Calibrator(open_detector(HaarSettings()), classifier, QualitySettings())


def collect(images: Sequence[Image], seconds: float = 20.0, fps: float = 10.0) -> dict[str, float]:
    """Return the weight of each class after `images`, and how many crops were used."""
    baseline = calibrator().collect(FakeCamera(images, fps=fps), seconds)
    known = dict(zip(baseline.labels, baseline.weights, strict=True))
    return {**known, "crops": baseline.crops}


def two(image: Image) -> Image:
    """Return an image of the same person twice, side by side."""
    small = cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)
    return np.asarray(np.hstack([small, small]), dtype=np.uint8)


def test_the_class_that_a_face_is_taken_for_is_lowered(clip: list[Image]) -> None:
    known = collect([clip[4]] * 30)  # a happy face, whose owner claims to look neutral
    assert known["happy"] < -1
    assert known["neutral"] == 0


def test_a_neutral_face_changes_next_to_nothing(clip: list[Image]) -> None:
    known = collect([clip[0]] * 30)
    assert min(known.values()) > -0.7


def test_it_watches_for_the_time_it_was_told(clip: list[Image]) -> None:
    assert collect([clip[0]] * 100, seconds=3.0)["crops"] == 31


def test_frames_with_several_people_are_skipped(clip: list[Image]) -> None:
    assert collect([clip[0]] * 25 + [two(clip[4])] * 25)["crops"] == 25


def test_poor_crops_are_skipped(clip: list[Image]) -> None:
    dark = np.asarray(clip[0] * 0.2, dtype=np.uint8)
    assert collect([clip[0]] * 25 + [dark] * 25)["crops"] == 25


def test_too_few_looks_are_an_error_that_says_why(clip: list[Image]) -> None:
    empty = np.full((240, 320, 3), 90, dtype=np.uint8)
    with pytest.raises(CalibrationError) as caught:
        collect([clip[0]] * 19 + [two(clip[4])] * 3 + [empty] * 5)
    text = str(caught.value)
    assert "expected at least 20 good looks at one face, found 19" in text
    assert "5 without a face, 3 with several faces; sit alone" in text
    assert "\n" not in text


def test_a_model_without_neutral_faces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected a model with the label neutral"):
        calibrator(copy_brightness(tmp_path))
