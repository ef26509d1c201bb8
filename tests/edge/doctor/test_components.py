"""Real models, brokers and web pages; what is damaged is a copy."""

import importlib.util
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.commands.embedded_broker import free_port
from edge.detect import (
    AutoSettings,
    BuiltinSettings,
    HaarSettings,
    YuNetSettings,
)
from edge.doctor import CheckResult, Level
from edge.doctor.components import (
    check_brokers,
    check_classifier,
    check_detector,
    check_runtime,
    check_state_folder,
    check_web,
    check_window,
)
from edge.errors import ConfigError, ModelError
from edge.infer.classifier import ClassifierSettings, ModelPath
from edge.publish.mqtt.settings import Address, MqttSettings, TlsSettings
from edge.secrets import SecretRef
from edge.tflite import Runtime
from edge.view.settings import WebSettings
from tests.brokers import Broker, Mosquitto
from tests.conftest import ROOT
from tests.edge.doctor.results import listed, only
from tests.edge.publish.mqtt.test_session import stranger
from tests.edge.view.web.servers import serve
from tests.subscribers import Subscriber


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
    result = only(check_classifier(ClassifierSettings(model=ModelPath(path))))
    assert result.level is Level.FAILURE
    assert f"{path}: expected sha256" in result.text


def test_a_baseline_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    settings = ClassifierSettings(neutral_baseline=tmp_path / "none.json")
    result = only(check_classifier(settings))
    assert result.level is Level.FAILURE


@pytest.mark.parametrize("settings", [BuiltinSettings(), HaarSettings()])
def test_a_detector_that_opens_is_ok(settings: BuiltinSettings | HaarSettings) -> None:
    assert only(check_detector(settings)).level is Level.OK


def test_a_detector_whose_file_is_damaged_is_a_failure(tmp_path: Path) -> None:
    path = damaged(ROOT / "models" / "detectors" / "face-160x120.tflite", tmp_path)
    result = only(check_detector(BuiltinSettings(model=path)))
    assert result.level is Level.FAILURE
    assert "expected sha256" in result.text


def test_a_detector_without_its_file_is_a_failure_that_says_where_to_put_it(tmp_path: Path) -> None:
    result = only(check_detector(YuNetSettings(model=tmp_path / "none.onnx")))
    assert result.level is Level.FAILURE
    assert "put the .onnx file there" in result.text


def test_auto_is_ok_where_it_takes_its_first() -> None:
    result = only(check_detector(AutoSettings()))
    assert (result.level, result.text) == (Level.OK, "auto takes builtin")


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
    monkeypatch.setattr("edge.doctor.components.AUTO_ORDER", order)
    result = only(check_detector(AutoSettings()))
    assert result.level is Level.WARNING
    assert result.text == "auto takes haar, which finds fewer faces: is damaged"


def test_auto_is_a_failure_where_none_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    order = (settings_of("builtin", ModelError("a")), settings_of("haar", ConfigError("b")))
    monkeypatch.setattr("edge.doctor.components.AUTO_ORDER", order)
    result = only(check_detector(AutoSettings()))
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
    assert f"cannot be made in {tmp_path / 'file'}" in result.text
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


HOST = "127.0.0.1"
TOPIC = "emotiond/test/response/doctor"


def broker_results(port: int, **fields: object) -> list[CheckResult]:
    settings = MqttSettings(**{"host": HOST, "port": port, "device": "test", **fields})  # type: ignore[arg-type]
    results = list(check_brokers(settings))
    for result in results:
        assert (result.remedy is None) == (result.level is Level.OK)
        assert "\n" not in str(result)
    return results


def broker_failure(port: int, **fields: object) -> CheckResult:
    """Return the only result, which is a failure."""
    (result,) = broker_results(port, **fields)
    assert result.level is Level.FAILURE
    return result


def test_a_broker_that_lets_the_device_in_and_passes_on_what_it_says_is_ok(broker: Broker) -> None:
    with Subscriber(broker.host, broker.port) as subscriber:  # which knows what may be said
        first, second = broker_results(broker.port)
        subscriber.catch_up()
    assert [topic for topic, *_ in subscriber.messages] == [TOPIC]
    assert (first.level, second.level) == (Level.OK, Level.OK)
    assert first.subject == f"broker {HOST}:{broker.port}"
    assert f"tried on {TOPIC}" in second.text


def test_a_host_that_no_name_server_knows_is_told_so() -> None:
    result = broker_failure(1883, host="no-such-host.invalid")
    assert "check `host`, and whether this machine can resolve names" in str(result)


def test_a_port_that_nobody_listens_on_is_told_so() -> None:
    result = broker_failure(free_port())
    assert "cannot be reached" in result.text
    assert "start the broker" in str(result)


def test_a_host_that_does_not_answer_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.publish.mqtt.client.CONNECT_TIMEOUT", 0.3)
    with socket.socket() as full, socket.socket() as first:
        full.bind((HOST, 0))
        full.listen(0)
        first.connect(full.getsockname())  # the one that may wait
        result = broker_failure(full.getsockname()[1])
    assert "cannot be reached: timed out" in result.text
    assert "firewalls" in str(result)


@pytest.mark.parametrize("hangs_up", [True, False])
def test_who_speaks_no_mqtt_is_told_so(hangs_up: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.publish.mqtt.client.CONNECT_TIMEOUT", 0.3)
    with stranger(hangs_up) as port:
        result = broker_failure(port)
    assert "is it MQTT?" in result.text
    assert "check `port`, `transport` and `tls`" in str(result)


def test_a_wrong_password_is_a_refusal_and_never_shown(
    secured: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    result = broker_failure(secured.port, user="edge", password=SecretRef(env="PASSWORD"))
    assert "refuses this client: Not authorized" in result.text
    assert "guess" not in str(result)


def test_the_right_password_is_ok(secured: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")
    results = broker_results(secured.port, user="edge", password=SecretRef(env="PASSWORD"))
    assert [result.level for result in results] == [Level.OK, Level.OK]


def test_a_secret_that_is_not_there_is_a_failure_before_anybody_is_called() -> None:
    result = broker_failure(free_port(), user="edge", password=SecretRef(file=Path("/none")))
    assert "/none: the secret cannot be read" in result.text


def test_a_certificate_that_is_not_trusted_is_told_apart(
    needs_mosquitto: None, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 2 "
        "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1",
        shell=True,
        check=True,
        capture_output=True,
    )
    lines = f"allow_anonymous true\ncertfile {certificate}\nkeyfile {key}"
    with Mosquitto(tmp_path, lines) as broker:
        result = broker_failure(broker.port, tls=TlsSettings())
        assert "CERTIFICATE_VERIFY_FAILED" in result.text
        assert "the authority that signed it" in str(result)
        trusted = broker_results(broker.port, tls=TlsSettings(ca_file=certificate))
        assert [one.level for one in trusted] == [Level.OK, Level.OK]
        assert "check `port`, `transport` and `tls`" in str(broker_failure(broker.port))


def test_a_port_without_tls_is_told_so(broker: Broker) -> None:
    assert "`tls`" in str(broker_failure(broker.port, tls=TlsSettings()))


@pytest.mark.parametrize("protocol", ["3.1.1", 5])
@pytest.mark.parametrize("right", ["read", "write"])
def test_an_access_list_that_denies_is_found_out_even_where_the_broker_keeps_silent(
    needs_mosquitto: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    right: str,
    protocol: object,
) -> None:
    monkeypatch.setattr("edge.doctor.components.ECHO_SECONDS", 0.5)
    access = tmp_path / "acl"
    access.write_text(f"topic {right} emotiond/test/#\n")
    with Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {access}") as broker:
        let_in, denied = broker_results(broker.port, protocol=protocol)
    assert let_in.level is Level.OK
    assert denied.level is Level.FAILURE
    assert TOPIC in denied.text


def test_where_another_address_stands_in_an_absent_broker_is_a_warning(broker: Broker) -> None:
    absent = free_port()
    first, *others = broker_results(absent, fallbacks=(Address(HOST, broker.port),))
    assert first.level is Level.WARNING
    assert first.subject == f"broker {HOST}:{absent}"
    assert [result.level for result in others] == [Level.OK, Level.OK]


def test_where_none_stands_in_each_is_a_failure() -> None:
    results = broker_results(free_port(), fallbacks=(Address(HOST, free_port()),))
    assert [result.level for result in results] == [Level.FAILURE, Level.FAILURE]


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
    result = listed(check_web(WebSettings(host="0.0.0.0", port=free_port())))[0]
    assert result.level is Level.FAILURE
    assert "token" in result.text


def test_a_port_that_something_else_has_is_a_failure(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.doctor.components.HTTP_SECONDS", 0.2)
    result = listed(check_web(WebSettings(port=taken)))[1]
    assert result.level is Level.FAILURE
    assert "Address already in use" in result.text


def test_a_port_that_a_daemon_serves_its_page_on_is_well() -> None:
    with serve() as house:
        result = listed(check_web(WebSettings(port=house.port)))[1]
        assert result.level is Level.OK
        assert result.text == f"is served at 127.0.0.1:{house.port} at this moment"


def test_a_missing_package_of_the_web_page_is_a_failure_that_names_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = only(check_web(WebSettings()))
    assert result.level is Level.FAILURE
    assert "starlette" in result.text
    assert "emotiond[web]" in str(result)


@pytest.fixture
def no_screen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a screen; a test may plug one in."""
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("edge.doctor.components.GRAPHICS_CARDS", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["WAYLAND_DISPLAY", "DISPLAY"])
def test_a_display_is_named(no_screen: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, ":7")
    result = only(check_window())
    assert (result.level, result.text) == (Level.OK, f"is drawn on {name}=:7")


def test_without_a_desktop_the_window_is_drawn_on_the_screen_itself(no_screen: Path) -> None:
    (no_screen / "card0").touch()
    result = only(check_window())
    assert result.level is Level.OK
    assert "card0, as there is no desktop" in result.text


def test_without_any_screen_the_window_is_a_warning(no_screen: Path) -> None:
    assert only(check_window()).level is Level.WARNING


def test_a_missing_package_of_the_window_is_a_failure_that_names_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = only(check_window())
    assert result.level is Level.FAILURE
    assert "emotiond[preview]" in str(result)
