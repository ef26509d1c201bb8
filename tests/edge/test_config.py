import re
from pathlib import Path
from typing import Any

import pytest

from edge.capture.camera import CameraSettings
from edge.capture.images import ImagesSettings
from edge.capture.picamera import PicameraSettings
from edge.capture.stream import StreamSettings
from edge.capture.video import VideoSettings
from edge.config import (
    Config,
    load_config,
    parse_config,
    parse_detector,
    parse_source,
)
from edge.detect.blazeface import BlazeFaceSettings
from edge.detect.builtin import BuiltinSettings
from edge.detect.haar import HaarSettings
from edge.errors import ConfigError
from edge.publish import MqttSettings
from edge.publish.mqtt.settings import TlsSettings
from edge.secrets import SecretRef
from tests.conftest import ROOT

HERE = Path("/etc/emotiond/emotiond.yaml")


def test_the_shipped_config_equals_the_defaults() -> None:
    config = load_config(ROOT / "config" / "emotiond.yaml")
    shipped = str(config).replace(str(ROOT / "config") + "/", "")
    assert shipped == str(Config())


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("# nothing\n")
    assert load_config(path) == Config()


def test_relative_paths_start_at_the_config_file() -> None:
    config = parse_config({"source": {"kind": "video", "path": "film.mp4"}}, HERE)
    assert config.source == VideoSettings(Path("/etc/emotiond/film.mp4"))
    mqtt = {"kind": "mqtt", "user": "edge", "password": {"file": "pw"}}
    config = parse_config({"sinks": [mqtt], "state_dir": "../kept"}, HERE)
    (sink,) = config.sinks
    assert isinstance(sink, MqttSettings)
    assert sink.password == SecretRef(file=Path("/etc/emotiond/pw"))
    assert config.state_dir == Path("/etc/emotiond/../kept")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"sorce": 1}, "sorce: unknown key; did you mean source?"),
        ({"qqqq": 1}, "qqqq: unknown key; valid are source, detector, scheduler, tracker"),
        ({"source": {"kind": "camera", "devise": 1}}, "source.devise: unknown key; did you mean device?"),
        ({"sinks": [{"kind": "mqtt", "hots": 1}]}, "sinks[0].hots: unknown key; did you mean host?"),
        ({"source": {"kind": "camra"}}, "found 'camra'; did you mean camera?"),
        ({"source": {"device": 0}}, "source.kind: expected this key, one of camera, picamera, stream, video"),
        ({"source": {"kind": "video"}}, "source.path: expected this key, found none"),
        ({"source": "video"}, "source.path: expected this key, found none"),
        ({"source": "picamra"}, "source.kind: expected one of camera, picamera, stream, video, images, found 'picamra'; did you mean picamera?"),
        ({"source": {"kind": "picamera", "rotation": 45}}, "source.rotation: expected one of 0, 90, 180, 270, found 45"),
        ({"sinks": ["mqtt", "mqt"]}, "found 'mqt'; did you mean mqtt?"),
        ({"sinks": 5}, "sinks: expected a list, found 5"),
        ({"tracker": "fast"}, "tracker: expected a mapping, found 'fast'"),
        ({"source": {"kind": "camera", "width": 1}}, "source.width: expected a whole number >= 64, found 1"),
        ({"detector": {"kind": "auto", "width": 3}}, "detector.width: unknown key; no other is valid here"),
        ({"quality": {"max_yow": 1}}, "quality.max_yow: unknown key; did you mean max_yaw?"),
        ({"quality": {"max_yaw": 91}}, "quality.max_yaw: expected a number <= 90.0, found 91"),
        ({"classifier": {"neutral_baseline": 3}}, "classifier.neutral_baseline: expected a path"),
        ({"smoothing": {"hold_s": "long"}}, "smoothing.hold_s: expected a number, found 'long'"),
        ({"classifier": {"runtime": "onnx"}}, "expected one of litert, tflite-runtime, found 'onnx'"),
        ({"classifier": {"model": 3}}, "classifier.model: expected a path, found 3"),
        ({"tracker": None}, "tracker: expected a mapping, found None"),
        ({"sinks": 3}, "sinks: expected a list, found 3"),
        ([1], "the file: expected a mapping, found a list"),
        ({1: 2}, "expected every key to be a text"),
        ({"a\nb": 2}, "a b: unknown key"),
        ({"source": {"kind": "camera", "device": 10**9}}, "source.device: expected a whole number <= 255"),
        ({"source": {"kind": "video", "path": "~nobody-here/film.mp4"}}, "source.path: expected a path"),
        ({"source": {"kind": "video", "path": "a\0b"}}, "source.path: expected a path"),
        ({"source": {"kind": "stream", "url": "http://[::1"}}, "source: invalid IPv6 URL"),
        ({"detector": {"kind": "builtin", "size": "640x480"}}, "detector.size: expected one of 160x120, 320x240, found '640x480'"),
        ({"detector": {"kind": "haar", "scale_factor": 1.00001}}, "detector.scale_factor: expected a number >= 1.01"),
        ({"sinks": [{"kind": "mqtt", "host": "broker..local"}]}, "sinks[0]: expected host to be a host name"),
        ({"sinks": [{"kind": "mqtt", "device": "a\n"}]}, "sinks[0].device: expected a text matching"),
        ({"sinks": [{"kind": "mqtt", "user": "\ud800"}]}, "sinks[0]: expected user to be printable"),
        ({"sinks": [{"kind": "mqtt", "password": {"file": "x"}}]}, "sinks[0]: expected user beside"),
        ({"sinks": [{"kind": "mqtt", "user": "me", "password": "hunter2"}]}, "sinks[0].password: expected {file: ...}, {env: ...} or {credential: ...}"),
        ({"sinks": [{"kind": "mqtt", "user": "me", "password": {}}]}, "sinks[0].password: expected exactly one of file, env and credential"),
        ({"sinks": [{"kind": "mqtt", "password_file": "x"}]}, "sinks[0].password_file: unknown key; did you mean password?"),
        ({"sinks": [{"kind": "mqtt", "protocol": 4}]}, "sinks[0].protocol: expected one of 5, 3.1.1, found 4"),
        ({"sinks": [{"kind": "mqtt", "transport": "udp"}]}, "sinks[0].transport: expected one of tcp, websockets"),
        ({"sinks": [{"kind": "mqtt", "path": "mqtt"}]}, "sinks[0].path: expected a text matching"),
        ({"sinks": [{"kind": "mqtt", "fallbacks": [{"host": "a..b"}]}]}, "sinks[0].fallbacks[0]: expected host to be a host name"),
        ({"sinks": [{"kind": "mqtt", "commands": ["resume"]}]}, "expected one of pause, model, detector"),
        ({"sinks": [{"kind": "mqtt", "outbox": {"max_events": 0}}]}, "sinks[0].outbox.max_events: expected a whole number >= 1"),
        ({"privacy": {"picture": True}}, "privacy.picture: unknown key; valid are allow_snapshots, blur"),
        ({"sinks": [{"kind": "mqtt", "tls": {"key_file": "x"}}]}, "sinks[0].tls: expected cert_file beside"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_key_expectation_and_remedy(data: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, HERE)
    text = str(caught.value)
    assert text.startswith(f"{HERE}: ")
    assert message in text
    assert "\n" not in text
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("password", ["hunter2", "hun/ter2", "hun#ter2", "hunt@er2"])
def test_a_mistake_never_shows_a_password(password: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"source": {"kind": "stream", "url": f"rtps://me:{password}@cam/1"}}, HERE)
    assert password not in str(caught.value)


def test_a_bare_word_is_a_kind_with_its_defaults() -> None:
    data = {"source": "picamera", "detector": "haar", "sinks": ["mqtt"]}
    config = parse_config(data, HERE)
    assert config.source == PicameraSettings()
    assert config.detector == HaarSettings()
    assert config.sinks == (MqttSettings(),)
    assert data == {"source": "picamera", "detector": "haar", "sinks": ["mqtt"]}


@pytest.mark.parametrize(
    ("source", "settings"),
    [
        (0, CameraSettings(device=0)),
        ("2", CameraSettings(device=2)),
        ("/dev/video1", CameraSettings(device="/dev/video1")),
        ("rtsp://camera.local/live", StreamSettings(url="rtsp://camera.local/live")),
        ("film.mp4", VideoSettings(Path("/etc/emotiond/film.mp4"))),
        ("face.png", ImagesSettings(Path("/etc/emotiond/face.png"))),
    ],
)
def test_a_source_is_known_by_its_number_address_or_file(source: Any, settings: Any) -> None:
    assert parse_config({"source": source}, HERE).source == settings


def test_a_folder_beside_the_config_is_a_source_of_images(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    config = parse_config({"source": "faces"}, tmp_path / "emotiond.yaml")
    assert config.source == ImagesSettings(tmp_path / "faces")


@pytest.mark.parametrize(
    ("sinks", "settings"),
    [
        ("mqtt", MqttSettings()),
        ({"kind": "mqtt", "host": "b"}, MqttSettings(host="b")),
        ("mqtt://broker.local", MqttSettings(host="broker.local")),
        (["mqtt://edge@b:1884"], MqttSettings(host="b", port=1884, user="edge")),
        ("mqtts://b", MqttSettings(host="b", port=8883, tls=TlsSettings())),
    ],
)
def test_a_single_sink_needs_no_list_and_a_broker_is_known_by_its_address(
    sinks: Any, settings: MqttSettings
) -> None:
    assert parse_config({"sinks": sinks}, HERE).sinks == (settings,)


@pytest.mark.parametrize("url", ["mqtt://me:hunter2@b", "http://b", "mqtt://"])
def test_an_address_that_is_no_brokers_is_refused_and_its_password_not_shown(url: str) -> None:
    with pytest.raises(
        ConfigError, match=r"sinks\[0\].kind: expected one of mqtt, jsonl, webhook, command, osc"
    ) as caught:
        parse_config({"sinks": url}, HERE)
    assert "hunter2" not in str(caught.value)


def test_a_bare_word_is_a_shipped_model_and_anything_else_a_path() -> None:
    def model(text: str) -> Path:
        return parse_config({"classifier": {"model": text}}, HERE).classifier.model

    assert model("shallow-float32") == Path("shallow-float32")
    assert model("mine.tflite") == Path("/etc/emotiond/mine.tflite")
    assert model("models/mine") == Path("/etc/emotiond/models/mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source: {kind: camera", "is not YAML: line 1"),
        ("tracker: {}\ntracker: {}\n", "line 2, column 1: the key 'tracker' stands twice"),
        ("\x00", "is not YAML"),
        ("? [a, b]\n: 1", "is not YAML: line 1"),
        ("state_dir: 2026-13-45", "is not YAML: line 1, column 12: expected a valid timestamp"),
        ("web:\n  port: 0x_", "is not YAML: line 2, column 9: expected a valid int; put quotes"),
        ("state_dir: 2026-11-29 10:00:00 +99:00", "expected a valid timestamp"),
        ("web: {enabled: !!bool perhaps}", "expected a valid bool"),
        ("state_dir: !!timestamp today", "expected a valid timestamp"),
        ("web: {port: !!int ''}", "expected a valid int"),
        ("web: {port: " + "9" * 5000 + "}", "expected a valid int"),
        ("[" * 2000, "is "),
    ],
)
def test_what_is_not_yaml_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"broken\.yaml") as caught:
        load_config(path)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.yaml: cannot be read: No such file"):
        load_config(tmp_path / "gone.yaml")


def test_a_detector_of_ones_own_lies_beside_the_config() -> None:
    detector = parse_config(
        {"detector": {"kind": "builtin", "model": "mine.tflite"}}, HERE
    ).detector
    assert detector == BuiltinSettings(model=Path("/etc/emotiond/mine.tflite"))


def test_a_command_line_names_a_detector_by_its_kind_or_its_settings() -> None:
    assert parse_detector("haar") == HaarSettings()
    assert parse_detector("{kind: blazeface, tiles: 2}") == BlazeFaceSettings(tiles=2)
    assert parse_detector("{kind: builtin, size: 160x120}") == BuiltinSettings("160x120")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("harr", "--detector: detector.kind: expected one of .* found 'harr'; did you mean haar?"),
        ("{kind: haar, tiles: 2}", "--detector: detector.tiles: unknown key"),
        ("{kind: haar", "--detector: is not YAML"),
        ("", "--detector: detector: expected"),
    ],
)
def test_a_detector_that_a_command_line_misnames_is_told(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_detector(text)


def test_a_command_line_names_a_source_by_number_address_or_path(tmp_path: Path) -> None:
    assert parse_source("1") == CameraSettings(device=1)
    assert parse_source("/dev/video2") == CameraSettings(device="/dev/video2")
    assert parse_source("picamera") == PicameraSettings()
    assert parse_source("rtsp://camera/live") == StreamSettings(url="rtsp://camera/live")
    assert parse_source(str(tmp_path)) == ImagesSettings(tmp_path)
    assert parse_source("a.JPG") == ImagesSettings(Path("a.JPG"))
    assert parse_source("film.mp4") == VideoSettings(Path("film.mp4"), realtime=False)


@pytest.mark.parametrize("text", ["ftp://camera/live", "999", "picamra"])
def test_a_source_that_a_command_line_misnames_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--source: .*: expected"):
        parse_source(text)


def test_each_sink_keeps_what_waits_in_a_file_of_its_own() -> None:
    mqtt = {"kind": "mqtt", "device": "pi"}
    jsonl = {"kind": "jsonl", "path": "events.jsonl"}
    sinks = [mqtt, {**mqtt, "host": "cloud"}, jsonl, {**mqtt, "device": "other"}]
    config = parse_config({"sinks": sinks, "state_dir": "/kept"}, HERE)
    first, second, third, fourth = (path and path.name for path in config.outbox_paths())
    assert third is None
    assert len({first, second, fourth}) == 3
    assert isinstance(first, str)
    assert re.fullmatch(r"outbox-emotiond-pi@[0-9a-f]{8}\.sqlite", first)
    moved = parse_config({"sinks": [{**mqtt, "port": 1884}], "state_dir": "/kept"}, HERE)
    tuned = parse_config({"sinks": [{**mqtt, "keepalive_s": 60}], "state_dir": "/kept"}, HERE)
    assert moved.outbox_paths() != tuned.outbox_paths() == config.outbox_paths()[:1]


@pytest.mark.parametrize(
    "sinks",
    [
        [{"kind": "mqtt"}, {"kind": "mqtt", "keepalive_s": 60}],
        [{"kind": "mqtt", "fallbacks": [{"host": "b"}]}, {"kind": "mqtt", "host": "b"}],
        [{"kind": "jsonl", "path": "a.jsonl"}, {"kind": "jsonl", "path": "./a.jsonl"}],
    ],
)
def test_two_sinks_of_one_target_are_refused(sinks: list[dict[str, object]]) -> None:
    with pytest.raises(ConfigError, match=r"sinks\[1\]: expected another target than that of"):
        parse_config({"sinks": sinks}, HERE)


def test_a_broker_may_be_named_twice_in_one_sink() -> None:
    parse_config({"sinks": [{"kind": "mqtt", "fallbacks": [{"host": "localhost"}]}]}, HERE)


def test_the_state_folder_is_systemds_or_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/home/me/state")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert Config().state_folder == Path("/home/me/state/emotiond")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/emotiond:/var/lib/other")
    assert Config().state_folder == Path("/var/lib/emotiond")


def test_a_key_is_a_text_though_yaml_takes_it_for_a_switch(tmp_path: Path) -> None:
    path = tmp_path / "emotiond.yaml"
    path.write_text(
        "privacy: {allow_snapshots: true}\n"
        "snapshots: {on: [start]}\n"
        "zones: {yes: [[0, 0], [1, 0], [1, 1]]}\n"
    )
    config = load_config(path)
    assert (config.snapshots.on, list(config.zones)) == (("start",), ["yes"])
