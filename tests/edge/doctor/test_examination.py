from pathlib import Path

from edge.demo.broker import free_port
from edge.doctor.examination import examine
from edge.doctor.finding import Level
from tests.brokers import Broker


def levels(config: Path) -> dict[str, Level]:
    return {finding.subject: finding.level for finding in examine(config)}


def test_config_state_folder_and_each_broker_are_looked_at(tmp_path: Path, broker: Broker) -> None:
    absent = free_port()
    config = tmp_path / "config.yaml"
    config.write_text(
        "state: .\n"
        "sinks:\n"
        f"- {{kind: mqtt, host: 127.0.0.1, port: {broker.port}}}\n"
        "- {kind: jsonl, path: events.jsonl}\n"
        f"- {{kind: mqtt, host: 127.0.0.1, port: {absent}}}\n"
    )
    assert levels(config) == {
        "config": Level.OK,
        "state folder": Level.OK,
        f"broker 127.0.0.1:{broker.port}": Level.OK,
        f"broker 127.0.0.1:{absent}": Level.FAILURE,
    }


def test_where_the_config_is_wrong_nothing_else_is_looked_at(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("sink: []")
    (finding,) = examine(config)
    assert finding.level is Level.FAILURE
    assert "did you mean sinks?" in finding.text
