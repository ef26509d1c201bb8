from pathlib import Path

import pytest

from edge.bench.contest import (
    DETECTORS,
    Extent,
    network_entries,
    pass_entries,
)
from edge.errors import ConfigError, ModelError


def test_every_shipped_model_and_detector_takes_part_with_each_runtime() -> None:
    names = {
        (entry.labels["model"], entry.labels["runtime"]) for entry in network_entries(Extent())
    }
    assert {("shallow-int8", "litert"), ("shallow-int8", "tflite-runtime")} <= names
    assert {("deep-int8", "litert"), ("face-320x240", "litert")} <= names


def test_merits_come_from_the_card_and_files_without_one_have_none(tmp_path: Path) -> None:
    (tmp_path / "mine.tflite").write_bytes(b"")
    for name, accuracy in ((Path("shallow-int8"), 0.86), (tmp_path / "mine.tflite", None)):
        entry = network_entries(Extent(files=(name,)))[0]
        assert entry.labels["accuracy"] == (accuracy and pytest.approx(accuracy, abs=0.01))
    detector = network_entries(Extent())[-1]
    assert detector.labels["average_precision"] == pytest.approx(0.86, abs=0.01)


def test_a_keras_model_is_run_by_keras_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.keras").write_bytes(b"")
    entries = network_entries(Extent(files=(tmp_path / "mine.keras",), batches=(1,)))
    assert [entry.labels["runtime"] for entry in entries] == ["keras"]
    assert [entry.task.module for entry in entries] == ["converter.bench"]


@pytest.mark.parametrize("name", ["no-such", "no.keras", "no.tflite"])
def test_a_model_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="no such model"):
        network_entries(Extent(files=(Path(name),)))


def test_a_detector_of_another_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected one of emotiond.*found 'dlib'"):
        pass_entries(Extent(detectors=("dlib",)), tmp_path)


def test_every_detector_of_a_config_can_take_part() -> None:
    from edge.detect import detector_kinds

    kinds = {dict(settings)["kind"] for settings in DETECTORS.values()}
    assert kinds | {"auto"} == set(detector_kinds())
