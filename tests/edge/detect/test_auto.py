import logging
from pathlib import Path

import pytest

from edge.detect import AUTO_ORDER, AutoSettings, open_detector
from edge.detect.model_files import model_directory


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model directory, and none of a service."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "installation"))
    model_directory().mkdir(parents=True)
    return model_directory()


@pytest.fixture
def bare(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in an installation that lost its own detectors."""
    monkeypatch.setattr("edge.detect.builtin.asset", lambda name: directory / "lost" / name)
    return directory


def test_the_one_that_travels_with_emotiond_comes_first(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert open_detector(AutoSettings()).name == "builtin"
    assert caplog.messages == ["detector builtin, the best at hand"]


def test_without_any_file_it_is_haar_and_the_log_says_what_was_missing(
    bare: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert open_detector(AutoSettings()).name in {"haar", "mediapipe"}
    assert "face-320x240.tflite: cannot be read" in caplog.text
    assert "emotiond models fetch blazeface" in caplog.text


def test_then_comes_a_users_yunet(
    bare: Path, yunet: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (bare / "yunet.onnx").symlink_to(yunet)
    with caplog.at_level(logging.INFO):
        assert open_detector(AutoSettings()).name == "yunet"
    assert "detector yunet, the best at hand" in caplog.text


def test_those_that_find_more_come_first() -> None:
    kinds = [kind.__struct_config__.tag for kind in AUTO_ORDER]
    assert kinds == ["builtin", "yunet", "blazeface", "mediapipe", "haar"]


def test_a_damaged_file_is_warned_of_and_the_next_detector_serves(
    bare: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (bare / "yunet.onnx").touch()
    (bare / "face_detection_full_range_sparse.tflite").write_bytes(b"half")
    assert open_detector(AutoSettings()).name in {"haar", "mediapipe"}
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    named = ("face-320x240.tflite", "yunet.onnx", "full_range_sparse.tflite")
    assert [name in text for name, text in zip(named, warned, strict=True)] == [True] * 3
