"""Real models, brokers and web pages; what is damaged is a copy."""

import importlib.util
import os
import shutil
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.detect import AutoSettings
from edge.detect.builtin import BuiltinSettings
from edge.detect.haar import HaarSettings
from edge.detect.yunet import YuNetSettings
from edge.doctor.checks import (
    check_classifier,
    check_detector,
    check_runtime,
    check_state_folder,
    check_web,
    check_window,
    guarded,
    run_checks,
)
from edge.errors import CheckResult, ConfigError, Level, ModelError
from edge.infer.classifier import ClassifierSettings, ModelPath
from edge.paths import extra_remedy
from edge.secrets import SecretRef
from edge.tflite import Runtime
from edge.types import CameraState
from edge.view import WebSettings
from tests.brokers import Broker
from tests.conftest import ROOT
from tests.edge.doctor.results import listed, only
from tests.edge.view.web.servers import serve


def test_a_runtime_that_is_installed_is_ok_with_its_version() -> None:
    result = only(check_runtime(Runtime.LITERT))
    assert result.level is Level.OK
    assert "ai-edge-litert 2." in result.text


@pytest.mark.skipif(find_spec("tflite_runtime") is not None, reason="tflite-runtime is installed")
def test_a_runtime_that_is_not_installed_is_a_failure_that_says_which_are() -> None:
    result = only(check_runtime(Runtime.TFLITE_RUNTIME))
    assert result.level is Level.FAILURE
    assert "No module named 'tflite_runtime'" in result.text
    assert str(result.remedy).startswith(
        "pip install tflite-runtime; installed are ai-edge-litert 2."
    )


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
    result = only(check_classifier(ClassifierSettings()))
    assert result.level is Level.OK
    assert "shallow-int8, with the hash of its card, 8 expressions" in result.text


def test_a_model_of_another_hash_is_a_failure(tmp_path: Path) -> None:
    path = damaged(ROOT / "models" / "tiny-int8.tflite", tmp_path)
    result = only(guarded("model", check_classifier(ClassifierSettings(model=ModelPath(path)))))
    assert result.level is Level.FAILURE
    assert f"{path}: expected sha256" in result.text


def test_a_baseline_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    settings = ClassifierSettings(neutral_baseline=tmp_path / "none.json")
    result = only(guarded("model", check_classifier(settings)))
    assert result.level is Level.FAILURE


@pytest.mark.parametrize("settings", [BuiltinSettings(), HaarSettings()])
def test_a_detector_that_opens_is_ok(settings: BuiltinSettings | HaarSettings) -> None:
    assert only(check_detector(settings)).level is Level.OK


def test_a_detector_whose_file_is_damaged_is_a_failure(tmp_path: Path) -> None:
    path = damaged(ROOT / "models" / "detectors" / "face-160x120.tflite", tmp_path)
    result = only(guarded("model", check_detector(BuiltinSettings(model=path))))
    assert result.level is Level.FAILURE
    assert "expected sha256" in result.text


def test_a_detector_without_its_file_is_a_failure_that_says_where_to_put_it(tmp_path: Path) -> None:
    result = only(guarded("model", check_detector(YuNetSettings(model=tmp_path / "none.onnx"))))
    assert result.level is Level.FAILURE
    assert "put the .onnx file there" in result.text


def test_auto_is_ok_where_it_takes_its_first() -> None:
    result = only(check_detector(AutoSettings()))
    assert (result.level, result.text) == (Level.OK, "builtin can be used")


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
    order = (settings_of("builtin", ModelError("is damaged")), settings_of("haar"))
    monkeypatch.setattr("edge.detect.AUTO_ORDER", order)
    result = only(check_detector(AutoSettings()))
    assert result.level is Level.WARNING
    assert "auto takes haar, which finds fewer faces" in result.text


def test_auto_is_a_failure_where_none_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    order = (settings_of("builtin", ConfigError("a")), settings_of("haar", ConfigError("b")))
    monkeypatch.setattr("edge.detect.AUTO_ORDER", order)
    result = only(guarded("detector", check_detector(AutoSettings())))
    assert (result.level, result.text) == (Level.FAILURE, "a; b")


def state_result(folder: Path) -> CheckResult:
    (result,) = check_state_folder(folder)
    assert result.text.startswith(f"{folder}: ")
    return result


def test_a_state_folder_that_can_be_written_into_is_ok_and_left_as_it_was(tmp_path: Path) -> None:
    assert state_result(tmp_path).level is Level.OK
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_is_not_there_yet_is_ok_and_not_made(tmp_path: Path) -> None:
    result = state_result(tmp_path / "a" / "b")
    assert result.level is Level.OK
    assert "can be made" in result.text
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_cannot_be_made_is_a_warning_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = state_result(tmp_path / "file" / "state")
    assert result.level is Level.WARNING
    assert "cannot be written into: Not a directory" in result.text
    assert "set `state_dir` to another" in str(result)


def test_a_file_in_place_of_the_state_folder_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert state_result(tmp_path / "state").level is Level.WARNING


def test_a_state_folder_that_takes_no_file_is_a_warning() -> None:
    result = state_result(Path("/proc/self"))
    assert result.level is Level.WARNING
    assert "cannot be written into: No such file" in result.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_folder_of_somebody_else_is_a_warning() -> None:
    assert state_result(Path("/root/emotiond")).level is Level.WARNING


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something else has, which never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_page_for_this_machine_alone_on_a_free_port_is_well() -> None:
    port = free_port()
    results = listed(check_web(WebSettings(port=port)))
    assert [str(one).split(": ", 1)[1] for one in results] == [
        "is for this machine alone, without a token",
        f"127.0.0.1:{port} is free",
    ]


def test_a_token_that_can_be_read_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("correct-horse-battery")
    settings = WebSettings(port=free_port(), token=SecretRef(file=tmp_path / "token"))
    assert listed(check_web(settings))[0].text == "asks for its token"


def test_a_page_that_others_could_reach_without_a_token_is_a_failure() -> None:
    result = only(guarded("web", check_web(WebSettings(host="0.0.0.0", port=free_port()))))
    assert result.level is Level.FAILURE
    assert "token" in result.text


def test_a_port_that_something_else_has_is_a_failure(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.doctor.checks.HTTP_SECONDS", 0.2)
    result = listed(check_web(WebSettings(port=taken)))[1]
    assert result.level is Level.FAILURE
    assert "Address already in use" in result.text


def test_a_port_that_a_daemon_serves_its_page_on_is_well() -> None:
    with serve() as house:
        result = listed(check_web(WebSettings(port=house.port)))[1]
        assert result.level is Level.OK
        assert result.text == f"is served at 127.0.0.1:{house.port} at this moment"


def test_a_daemon_whose_camera_sees_nothing_is_a_warning() -> None:
    with serve() as house:
        house.publish_status(CameraState.FROZEN)
        result = listed(check_web(WebSettings(port=house.port)))[2]
        assert result.level is Level.WARNING
        assert result.text == "the daemon says: camera frozen"


def test_a_missing_package_of_the_web_page_is_a_failure_that_names_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = only(guarded("web", check_web(WebSettings())))
    assert result.level is Level.FAILURE
    assert extra_remedy("web") in str(result)


@pytest.mark.parametrize(
    ("driver", "level"), [("dummy", Level.OK), ("x11", Level.WARNING), ("offscreen", Level.WARNING)]
)
def test_the_window_is_well_where_its_process_finds_a_display(
    driver: str, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pygame", reason="the window needs the extra `preview`")
    monkeypatch.setenv("SDL_VIDEODRIVER", driver)
    monkeypatch.setenv("DISPLAY", ":77")  # of nobody
    result = only(check_window())
    assert result.level is level
    assert ("no display" in result.text) == (level is Level.WARNING)


def test_a_missing_package_of_the_window_is_a_failure_that_names_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = only(guarded("window", check_window()))
    assert result.level is Level.FAILURE
    assert extra_remedy("preview") in str(result)


def test_the_machine_and_everything_that_the_config_names_are_looked_at_in_order(
    tmp_path: Path, broker: Broker
) -> None:
    absent = free_port()
    config = tmp_path / "config.yaml"
    config.write_text(
        f"source: {{kind: video, path: {CLIP}}}\n"
        "state_dir: .\n"
        "sinks:\n"
        f"- {{kind: mqtt, host: 127.0.0.1, port: {broker.port}}}\n"
        "- {kind: jsonl, path: events.jsonl}\n"
        f"- {{kind: mqtt, host: 127.0.0.1, port: {absent}}}\n"
    )
    results = listed(run_checks(config))
    subjects = list(dict.fromkeys(result.subject for result in results))
    ours = subjects[: subjects.index("clock")]
    assert ours == [
        "python",
        "opencv",
        "cpu",
        "config",
        "runtime",
        "model",
        "detector",
        f"source {CLIP}",
        "orientation",
        "state folder",
        f"broker 127.0.0.1:{broker.port}",
        f"broker 127.0.0.1:{absent}",
    ]
    assert [one.subject for one in results if one.level is Level.FAILURE] == [ours[-1]]
    assert "temperature" in subjects


def test_where_the_config_is_wrong_the_machine_is_looked_at_all_the_same(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("sink: []")
    results = listed(run_checks(config))
    subjects = [result.subject for result in results]
    assert {"python", "opencv", "config", "clock"} <= set(subjects)
    assert not {"runtime", "model", "state folder"} & set(subjects)
    wrong = results[subjects.index("config")]
    assert wrong.level is Level.FAILURE
    assert "did you mean sinks?" in wrong.text


def test_a_subject_that_fails_is_a_finding_with_its_traceback_in_the_log_and_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing() -> Iterator[CheckResult]:
        yield CheckResult(Level.OK, "thing", "is there")
        raise RuntimeError("rtsp://user:secret@camera\nis odd")

    first, failed = listed(guarded("thing", failing()))
    assert first.level is Level.OK
    assert (failed.level, failed.subject) == (Level.FAILURE, "thing")
    assert failed.text == "cannot be looked at: RuntimeError: rtsp://camera is odd"
    assert "in failing" in caplog.text
    assert "secret" not in caplog.text
