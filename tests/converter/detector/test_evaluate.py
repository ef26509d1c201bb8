from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.detector import evaluate
from converter.detector.average_precision import MIN_SCORE
from converter.detector.evaluate import (
    REFERENCE_SIZE,
    evaluate_detectors,
    fit,
    parse_variant,
    reference_truth,
    with_min_threshold,
)
from edge.config import parse_detector
from edge.detect.haar import HaarSettings
from edge.detect.yunet import YuNetSettings
from edge.errors import ConfigError, DataError
from tests.converter.detector.annotated_images import Told, write_photo

HALF = (0.25, 0.25, 0.5, 0.75)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What every detector turns out to be."""
    detector = Told(HALF)
    monkeypatch.setattr(evaluate, "open_detector", lambda settings: detector)
    return detector


@pytest.mark.parametrize("kind", ["blazeface", "mediapipe", "yunet"])
def test_lowered_takes_the_least_confidence(kind: str) -> None:
    assert getattr(with_min_threshold(parse_detector(kind)), "min_confidence", None) == MIN_SCORE


def test_lowered_keeps_where_and_how_a_detector_searches() -> None:
    assert with_min_threshold(YuNetSettings(width=160)) == YuNetSettings(
        width=160, min_confidence=MIN_SCORE
    )
    assert with_min_threshold(HaarSettings(width=512, scale_factor=1.1)) == HaarSettings(
        width=512, scale_factor=1.1, min_neighbors=1
    )


def test_auto_is_no_detector_to_judge() -> None:
    with pytest.raises(ConfigError, match="auto stands for another"):
        with_min_threshold(parse_detector("auto"))


@pytest.mark.parametrize(
    ("size", "fitted"), [((400, 200), (320, 160)), ((100, 200), (120, 240)), ((64, 48), (320, 240))]
)
def test_fit_keeps_proportions_and_enlarges_what_is_small(
    size: tuple[int, int], fitted: tuple[int, int]
) -> None:
    image = np.zeros((size[1], size[0], 3), dtype=np.uint8)

    assert fit(image, (320, 240)).shape[1::-1] == fitted


@pytest.mark.parametrize(("size", "shown"), [((320, 240), (320, 160)), ((160, 120), (160, 80))])
def test_boxes_and_truth_are_measured_in_320x240_whatever_is_searched(
    tmp_path: Path, told: Told, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    photo = write_photo(tmp_path / "one.png", [(100, 50, 200, 150)])

    (one,) = evaluate_detectors([parse_variant("haar")], [photo], size)

    assert set(told.sizes) == {shown}
    assert one.found[0].boxes == pytest.approx(np.array([[80, 40, 160, 120]]))
    assert reference_truth(photo).boxes == pytest.approx(np.array([[80, 40, 160, 120]]))
    assert [each[0].scores.tolist() for each in (one.usual, one.found)] == [[0.9], [0.9]]


def test_detectors_are_timed_in_turn_on_one_thread(tmp_path: Path, told: Told) -> None:
    photos = [write_photo(tmp_path / f"{number}.png") for number in range(3)]
    before = cv2.getNumThreads()

    both = evaluate_detectors(
        [parse_variant("haar"), parse_variant("yunet")], photos, REFERENCE_SIZE
    )

    assert [one.name for one in both] == ["haar", "yunet"]
    assert set(told.threads) == {1}
    assert cv2.getNumThreads() == before
    assert all(len(one.times) == 3 for one in both)
    assert all(min(times) > 0 for one in both for times in one.times)


def test_without_photographs_there_is_nothing_to_judge_by() -> None:
    with pytest.raises(DataError, match="found none"):
        evaluate_detectors([parse_variant("haar")], [], REFERENCE_SIZE)
