from pathlib import Path

import pytest

from edge.bench.model_bench import card_accuracy, model_requests
from edge.errors import ModelError
from tests.conftest import ROOT


def test_every_shipped_model_and_detector_is_measured_on_each_runtime() -> None:
    names = {(request.arguments[0].stem, request.name) for request in model_requests([], 0.5)}
    assert {("shallow-int8", "litert"), ("shallow-int8", "tflite-runtime")} <= names
    assert {("deep-int8", "litert"), ("face-320x240", "litert")} <= names


def test_accuracy_comes_from_the_card_and_files_without_one_have_none(tmp_path: Path) -> None:
    assert card_accuracy(ROOT / "models/shallow-int8.tflite") == pytest.approx(0.87, abs=0.01)
    assert card_accuracy(ROOT / "models/detectors/face-320x240.tflite") is None
    assert card_accuracy(tmp_path / "mine.tflite") is None


@pytest.mark.parametrize("name", ["no-such", "no.tflite"])
def test_a_model_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="no such model"):
        model_requests([Path(name)], 0.5)
