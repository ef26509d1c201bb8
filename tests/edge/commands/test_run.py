"""Options of `emotiond run`, variables of the environment, and `emotiond config show`."""

from pathlib import Path

import pytest
import yaml

from edge.cli import main
from edge.config import Config, load_config
from edge.errors import ConfigError, ExitCode
from edge.publish import MqttSettings
from edge.publish.jsonl import JsonlSettings

CONFIG = """
source: rtsp://camera.local/live
sinks: [{kind: mqtt, host: file.local}, {kind: jsonl, path: events.jsonl}]
retention: {max_event_age_s: 3600}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "emotiond.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def run(path: Path, monkeypatch: pytest.MonkeyPatch) -> "Run":
    return Run(path, monkeypatch)


class Run:
    """Command line of `run`, as far as the config that the daemon is given."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path, self._monkeypatch = path, monkeypatch

    def config(self, *options: str) -> Config:
        found: list[Config] = []

        def note(path: Path, adjust: "object") -> ExitCode:
            assert callable(adjust)
            found.append(adjust(load_config(path)))
            return ExitCode.OK

        self._monkeypatch.setattr("edge.service.daemon.run", note)
        assert main(["run", "--config", str(self._path), *options]) == 0
        return found[0]


def brokers(config: Config) -> list[str]:
    return [sink.host for sink in config.sinks if isinstance(sink, MqttSettings)]


def test_without_options_the_config_holds(run: Run, path: Path) -> None:
    assert run.config() == load_config(path)


@pytest.mark.parametrize(
    ("source", "kind"), [("1", "camera"), ("http://a.local/b", "stream"), ("film.mp4", "video")]
)
def test_a_source_is_named_as_short_as_in_a_config(run: Run, source: str, kind: str) -> None:
    assert run.config("--source", source).source.__struct_config__.tag == kind


def test_a_video_is_watched_in_its_own_time(run: Run) -> None:
    assert run.config("--source", "film.mp4").source.realtime  # type: ignore[union-attr]


def test_model_and_detector_can_be_named(run: Run) -> None:
    config = run.config("--model", "tiny-int8", "--detector", "haar")
    assert config.classifier.model.name == "tiny-int8"
    assert config.detector.__struct_config__.tag == "haar"


def test_another_broker_takes_the_place_of_those_of_the_config(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2-hunter2")
    config = run.config(
        *("--mqtt", "mqtt://edge@other.local:1884", "--mqtt-password-file", str(secret)),
        *("--device", "kitchen"),
    )
    (broker,) = (sink for sink in config.sinks if isinstance(sink, MqttSettings))
    assert (broker.host, broker.port, broker.device) == ("other.local", 1884, "kitchen")
    assert broker.password is not None
    assert broker.password.resolve() == "hunter2-hunter2"
    assert broker.outbox.max_age_s <= 3600, "what the config says of retention holds for it"
    assert any(isinstance(sink, JsonlSettings) for sink in config.sinks)


def test_without_a_broker_other_sinks_stay(run: Run) -> None:
    config = run.config("--no-mqtt")
    assert brokers(config) == []
    assert [type(sink) for sink in config.sinks] == [JsonlSettings]


def test_a_device_that_makes_two_sinks_one_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text("sinks: [{kind: mqtt, device: one}, {kind: mqtt, device: two}]")
    assert main(["run", "--config", str(path), "--device", "kitchen"]) == 78
    assert "sinks[1]: expected another target than that of sinks[0]" in capsys.readouterr().err


def test_a_wrong_option_is_named(run: Run, capsys: pytest.CaptureFixture[str], path: Path) -> None:
    def config(*options: str) -> int:
        return main(["run", "--config", str(path), *options])

    assert config("--model", "nosuch") == 78
    assert config("--mqtt", "mqtt://:") == 78
    assert "--mqtt" in capsys.readouterr().err


def test_variables_of_the_environment_stand_for_keys(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTIOND_SOURCE", "0")
    monkeypatch.setenv("EMOTIOND_SOURCE__WIDTH", "1280")
    monkeypatch.setenv("EMOTIOND_WEB__PORT", "8081")
    monkeypatch.setenv("EMOTIOND_SINKS__0__HOST", "environment.local")
    monkeypatch.setenv("EMOTIOND_SINKS__0__USER", "edge")
    monkeypatch.setenv("EMOTIOND_SINKS__0__PASSWORD", "{env: SECRET}")
    config = load_config(path)
    assert (config.source.device, config.source.width) == (0, 1280)  # type: ignore[union-attr]
    assert config.web.port == 8081
    assert brokers(config) == ["environment.local"]


def test_a_key_of_the_source_is_of_a_camera_where_the_file_names_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("web: {port: 8081}")
    monkeypatch.setenv("EMOTIOND_SOURCE__DEVICE", "1")
    assert load_config(path).source.device == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("EMOTIOND_WEB__PROT", "1", "web.prot: unknown key"),
        ("EMOTIOND_SINKS__7__HOST", "a", "EMOTIOND_SINKS__7__HOST: expected the name of a key"),
        ("EMOTIOND_WEB__PORT", "[1", "EMOTIOND_WEB__PORT: is not YAML"),
        ("EMOTIOND_WEB__PORT", "one", "web.port: expected a whole number"),
    ],
)
def test_a_wrong_variable_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=told):
        load_config(path)


def test_config_show_prints_what_holds_without_secrets(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOTIOND_WEB__ENABLED", "true")
    monkeypatch.setenv("EMOTIOND_SOURCE", "rtsp://user:hunter2@camera.local/live?pwd=hunter2")
    assert main(["config", "show", "--config", str(path)]) == 0
    shown = capsys.readouterr().out
    assert yaml.safe_load(shown)["web"]["enabled"] is True
    assert yaml.safe_load(shown)["sinks"][0]["host"] == "file.local"
    assert "hunter2" not in shown
