import logging
from pathlib import Path

import pytest

from edge.detect import AutoSettings, open_detector
from edge.detect.auto import ORDER
from edge.detect.published import model_directory


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model directory, and none of a service."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr("edge.detect.published.SERVICE", tmp_path / "service")
    model_directory().mkdir(parents=True)
    return model_directory()


def test_without_any_file_it_is_haar_and_the_log_says_what_was_missing(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert open_detector(AutoSettings()).name in {"haar", "mediapipe"}
    assert "emotiond models fetch blazeface" in caplog.text


def test_a_users_yunet_comes_first(
    directory: Path, yunet: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (directory / "yunet.onnx").symlink_to(yunet)
    with caplog.at_level(logging.INFO):
        assert open_detector(AutoSettings()).name == "yunet"
    assert "detector yunet, the best at hand" in caplog.text


def test_blazeface_comes_before_haar(blazeface: None) -> None:
    order = [name for name, *_ in ORDER]
    assert order.index("blazeface") < order.index("haar")
    assert open_detector(AutoSettings()).name in {"yunet", "blazeface"}


def test_a_damaged_file_is_warned_of_and_the_next_detector_serves(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (directory / "yunet.onnx").touch()
    (directory / "face_detection_full_range_sparse.tflite").write_bytes(b"half")
    assert open_detector(AutoSettings()).name in {"haar", "mediapipe"}
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert ["yunet.onnx" in warned[0], "full_range_sparse.tflite" in warned[1]] == [True, True]
