from pathlib import Path

import pytest

from edge.bench.measurement import run_in_subprocess
from edge.bench.model_bench import ModelRequest, card_accuracy, model_requests
from edge.bench.schema import ModelRow
from edge.errors import ModelError
from tests.conftest import ROOT


def test_every_shipped_model_and_detector_is_measured_on_each_runtime() -> None:
    names = {(request.path.stem, request.runtime) for request in model_requests([], 0.5)}
    assert {("shallow-int8", "litert"), ("shallow-int8", "tflite-runtime")} <= names
    assert {("deep-int8", "litert"), ("face-320x240", "litert")} <= names


def test_accuracy_comes_from_the_card_and_files_without_one_have_none(tmp_path: Path) -> None:
    assert card_accuracy(ROOT / "models/shallow-int8.tflite")[0] == pytest.approx(0.86, abs=0.01)
    detector = ROOT / "models/detectors/face-320x240.tflite"
    assert card_accuracy(detector)[1] == pytest.approx(0.86, abs=0.1)
    assert card_accuracy(tmp_path / "mine.tflite") == (None, None)


def test_a_keras_model_is_measured_by_keras_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.keras").write_bytes(b"")
    (request,) = model_requests([tmp_path / "mine.keras"], 0.5)
    assert (request.runtime, request.name) == ("keras", "mine, keras")


def test_a_keras_model_is_loaded_and_timed(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    network = keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Flatten()])
    network.save(tmp_path / "mine.keras")
    (row,) = run_in_subprocess(ModelRequest(tmp_path / "mine.keras", "keras", 0.02))
    assert isinstance(row, ModelRow)
    assert (row.name, row.accuracy) == ("mine, keras", None)
    assert row.p50_ms > 0


@pytest.mark.parametrize("name", ["no-such", "no.keras", "no.tflite"])
def test_a_model_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="no such model"):
        model_requests([Path(name)], 0.5)
