"""Real models on the real runtime; what is damaged is a copy."""

import shutil
from pathlib import Path

import pytest

from edge.detect import (
    AutoSettings,
    BuiltinSettings,
    HaarSettings,
    YuNetSettings,
)
from edge.doctor.models import examine_classifier, examine_detector
from edge.doctor.result import Level
from edge.errors import ConfigError, ModelError
from edge.infer.classifier import ClassifierSettings, ModelPath
from tests.conftest import ROOT
from tests.edge.doctor.findings import only


def damaged(model: Path, folder: Path) -> Path:
    """Copy a model with its card, and change one byte of it."""
    for suffix in (".tflite", ".json"):
        shutil.copy(model.with_suffix(suffix), folder)
    copy = folder / model.name
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)
    return copy


def test_a_model_that_is_as_its_card_says_is_ok() -> None:
    finding = only(examine_classifier(ClassifierSettings()))
    assert finding.level is Level.OK
    assert "shallow-int8, with the hash of its card, 8 expressions" in finding.text


def test_a_model_of_another_hash_is_a_failure(tmp_path: Path) -> None:
    path = damaged(ROOT / "models" / "tiny-int8.tflite", tmp_path)
    finding = only(examine_classifier(ClassifierSettings(model=ModelPath(path))))
    assert finding.level is Level.FAILURE
    assert f"{path}: expected sha256" in finding.text


def test_a_baseline_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    settings = ClassifierSettings(baseline=tmp_path / "none.json")
    finding = only(examine_classifier(settings))
    assert finding.level is Level.FAILURE


@pytest.mark.parametrize("settings", [BuiltinSettings(), HaarSettings()])
def test_a_detector_that_opens_is_ok(settings: BuiltinSettings | HaarSettings) -> None:
    assert only(examine_detector(settings)).level is Level.OK


def test_a_detector_whose_file_is_damaged_is_a_failure(tmp_path: Path) -> None:
    path = damaged(ROOT / "models" / "detectors" / "face-160x120.tflite", tmp_path)
    finding = only(examine_detector(BuiltinSettings(model=path)))
    assert finding.level is Level.FAILURE
    assert "expected sha256" in finding.text


def test_a_detector_without_its_file_is_a_failure_that_says_where_to_put_it(tmp_path: Path) -> None:
    finding = only(examine_detector(YuNetSettings(model=tmp_path / "none.onnx")))
    assert finding.level is Level.FAILURE
    assert "put the .onnx file there" in finding.text


def test_auto_is_ok_where_it_takes_its_first() -> None:
    finding = only(examine_detector(AutoSettings()))
    assert (finding.level, finding.text) == (Level.OK, "auto takes emotiond")


def settings_of(name: str, error: Exception | None = None) -> type:
    """Return settings whose detector has that name, or cannot be opened."""

    class Settings:
        def __init__(self) -> None:
            self.name = name

        def open(self) -> "Settings":
            if error is not None:
                raise error
            return self

    return Settings


def test_auto_is_a_warning_where_another_stands_in_for_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = (settings_of("emotiond", ModelError("is damaged")), settings_of("haar"))
    monkeypatch.setattr("edge.doctor.models.AUTO_ORDER", order)
    finding = only(examine_detector(AutoSettings()))
    assert finding.level is Level.WARNING
    assert finding.text == "auto takes haar, which finds fewer faces: is damaged"


def test_auto_is_a_failure_where_none_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    order = (settings_of("emotiond", ModelError("a")), settings_of("haar", ConfigError("b")))
    monkeypatch.setattr("edge.doctor.models.AUTO_ORDER", order)
    finding = only(examine_detector(AutoSettings()))
    assert (finding.level, finding.text) == (Level.FAILURE, "a; b")
