"""`emotiond doctor` as it is typed."""

from pathlib import Path

import msgspec
import pytest

from edge.cli import main
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.errors import Level
from tests.brokers import Broker
from tests.edge.commands.configs import write_config


def doctor(*arguments: object) -> int:
    return main(["doctor", *map(str, arguments)])


@pytest.fixture
def config(broker: Broker, tmp_path: Path) -> Path:
    """A config that is sound, and a machine that can do what it asks."""
    path = write_config(tmp_path, broker.port)
    data = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode(data | {"source": {"kind": "video", "path": str(CLIP)}}))
    return path


def replace_port(config: Path, broker: Broker) -> int:
    """Let the config name a port that nobody listens on, and return it."""
    absent = free_port()
    config.write_text(config.read_text().replace(str(broker.port), str(absent)))
    return absent


def test_where_nothing_fails_no_line_says_so_and_the_exit_code_is_0(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("--config", config) == 0
    levels = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert len(levels) > 10
    assert set(levels) <= {Level.OK, Level.WARNING}


def test_a_failure_is_a_line_with_its_remedy_and_exit_code_1(
    config: Path, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = replace_port(config, broker)
    assert doctor("--config", config) == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.startswith("failure"))
    assert line.startswith(f"failure  broker 127.0.0.1:{absent}: ")
    assert line.endswith("; start the broker, or check `host` and `port`")


def test_a_warning_alone_is_no_failure(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "state").touch()
    assert doctor("--config", config) == 0
    assert "warning  state folder: " in capsys.readouterr().out


def test_as_json_it_is_a_list_of_the_same(
    config: Path, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_port(config, broker)
    assert doctor("--config", config, "--json") == 1
    results = msgspec.json.decode(capsys.readouterr().out)
    assert [one["subject"][:6] for one in results if one["level"] == "failure"] == ["broker"]
    assert {
        "level": "ok",
        "subject": "config",
        "text": f"{config}: can be read",
        "remedy": None,
    } in results


def test_a_config_that_cannot_be_read_is_a_finding_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("--config", tmp_path / "none.yaml") == 1
    assert "failure  config: " in capsys.readouterr().out


def test_a_service_is_looked_at_with_its_own_state_and_secrets(
    config: Path,
    broker: Broker,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.paths.SERVICE_CONFIGS", config.parent)
    for name in ("STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.setenv(name, "")  # so that what the command sets is undone
        monkeypatch.delenv(name)
    data = msgspec.json.decode(config.read_bytes())
    data["sinks"][0] |= {"user": "edge", "password": {"credential": "mqtt-password"}}
    del data["state_dir"]
    config.write_bytes(msgspec.json.encode(data))
    (config.parent / "mqtt-password").write_text("secret\n")
    doctor("--config", config)
    text = capsys.readouterr().out
    assert "state folder: /var/lib/emotiond-config: " in text
    assert "lets this device in" in text
    assert "secret" not in text
