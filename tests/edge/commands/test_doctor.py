"""`emotiond doctor` as it is typed."""

from pathlib import Path

import msgspec
import pytest

from edge.cli import main
from edge.demo.broker import free_port
from tests.brokers import Broker
from tests.edge.commands.configs import write_config


def doctor(*arguments: object) -> int:
    return main(["doctor", *map(str, arguments)])


def test_where_all_is_well_each_line_says_ok_and_the_exit_code_is_0(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("--config", write_config(tmp_path, broker.port)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 4


def test_a_failure_is_a_line_with_its_remedy_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("--config", write_config(tmp_path, free_port())) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("failure  broker 127.0.0.1:")
    assert last.endswith("; start the broker, or check `host` and `port`")


def test_a_warning_alone_is_no_failure(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").touch()
    assert doctor("--config", write_config(tmp_path, broker.port)) == 0
    assert "warning  state folder: " in capsys.readouterr().out


def test_as_json_it_is_a_list_of_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, free_port())
    assert doctor("--config", config, "--json") == 1
    findings = msgspec.json.decode(capsys.readouterr().out)
    assert [finding["level"] for finding in findings] == ["ok", "ok", "failure"]
    assert findings[0] == {
        "level": "ok",
        "subject": "config",
        "text": f"{config}: can be read",
        "remedy": None,
    }


def test_a_config_that_cannot_be_read_is_a_finding_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("--config", tmp_path / "none.yaml") == 1
    assert "failure  config: " in capsys.readouterr().out
