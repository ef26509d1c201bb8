"""`emotiond replay` as it is typed."""

import signal
from pathlib import Path

import msgspec
import pytest

from edge.cli import main
from edge.commands.embedded_broker import free_port
from edge.types import EventType
from tests.brokers import Broker, Mosquitto, wait_until
from tests.edge.commands.configs import running, write_config
from tests.edge.offline.recordings import at, record
from tests.subscribers import Subscriber

ROOT = "emotiond/test"
CHANGE, END = EventType.CHANGE, EventType.END


def replay(path: Path, config: Path, *arguments: str) -> int:
    return main(["replay", str(path), "--config", str(config), *arguments])


def test_recorded_events_arrive_as_new_with_all_that_a_device_tells_beside_them(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = [at(0), at(60, CHANGE), at(120, END)]
    path = record(tmp_path / "events.jsonl", recorded)
    with Subscriber(broker.host, broker.port) as subscriber:
        assert replay(path, write_config(tmp_path, broker.port), "--speed", "1000") == 0
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability")[-1:] == ["offline"])
        events = subscriber.payloads(f"{ROOT}/event")
        states = subscriber.payloads(f"{ROOT}/state")
        discovery = subscriber.payloads("homeassistant/device/emotiond_test/config")
    assert [one["type"] for one in events] == ["start", "change", "end"]
    assert {one["id"] for one in events}.isdisjoint(one.id for one in recorded)
    assert max(state["faces"] for state in states) == 1
    assert states[-1]["faces"] == 0
    assert states[-1]["model"] == "shallow-int8"
    options = discovery[0]["components"]["emotion"]["options"]
    assert options == ["happy", "neutral", "uncertain"]
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == (
        f"{path}: 3 events of 2 min 0 s are published on {ROOT}/event in 0.1 s; Ctrl-C ends"
    )
    assert lines[0].startswith("1/3  ")
    assert lines[-1].startswith("3/3  ")


def test_it_can_be_done_again_and_its_events_are_new_each_time(
    broker: Broker, tmp_path: Path
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(1, END)])
    config = write_config(tmp_path, broker.port)
    with Subscriber(broker.host, broker.port) as subscriber:
        for _ in range(2):
            assert replay(path, config, "--speed", "1000") == 0
        wait_until(lambda: len(subscriber.payloads(f"{ROOT}/event")) == 4)
        assert len({one["id"] for one in subscriber.payloads(f"{ROOT}/event")}) == 4


def test_another_device_may_be_named(broker: Broker, tmp_path: Path) -> None:
    path = record(tmp_path / "events.jsonl", [at(0)])
    with Subscriber(broker.host, broker.port) as subscriber:
        assert replay(path, write_config(tmp_path, broker.port), "--device", "stage") == 0
        wait_until(lambda: len(subscriber.payloads("emotiond/stage/event")) == 2)
        assert not [topic for topic, *_ in subscriber.messages if topic.startswith(ROOT)]


def test_ctrl_c_leaves_nobody_in_view_and_exit_code_130(broker: Broker, tmp_path: Path) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(3600, END)])
    config = write_config(tmp_path, broker.port)
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        running("replay", path, "--config", config) as process,
    ):
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"), 30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability")[-1:] == ["offline"])
        kinds = [one["type"] for one in subscriber.payloads(f"{ROOT}/event")]
        state = subscriber.payloads(f"{ROOT}/state")[-1]
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert kinds == ["start", "end"]
    assert state["faces"] == 0


def test_a_line_that_is_no_event_is_told_before_anything_is_published(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0)])
    path.write_text(path.read_text() + "{}\n")
    with Subscriber(broker.host, broker.port) as subscriber:
        assert replay(path, write_config(tmp_path, broker.port)) == 1
        assert subscriber.messages == []
    output = capsys.readouterr()
    assert output.err.startswith(f"emotiond: {path}, line 2: expected an event")
    assert output.err.count("\n") == 1
    assert output.out == ""


def test_an_absent_broker_is_told_and_nothing_is_left_for_next_week(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0)])
    assert replay(path, write_config(tmp_path, free_port())) == 1
    assert "cannot be reached" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_refusal_is_told(
    secured: Mosquitto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    path = record(tmp_path / "events.jsonl", [at(0)])
    config = write_config(tmp_path, secured.port, user="edge", password={"env": "PASSWORD"})
    assert replay(path, config) == 1
    assert "refuses this client: Not authorized" in capsys.readouterr().err


def test_a_device_that_runs_meanwhile_is_told_of(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(3600, END)])
    config = write_config(tmp_path, broker.port)
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        running("replay", path, "--config", config),
    ):
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"), 30)
        assert replay(path, config) == 1
    error = capsys.readouterr().err
    assert error.startswith("emotiond: ")
    assert "another emotiond uses this device's outbox" in error


def test_every_mqtt_sink_of_the_config_is_told(broker: Broker, tmp_path: Path) -> None:
    path = record(tmp_path / "events.jsonl", [at(0)])
    sink = {"kind": "mqtt", "host": broker.host, "port": broker.port}
    sinks = [
        {**sink, "device": "a"},
        {"kind": "jsonl", "path": "out.jsonl"},
        {**sink, "device": "b"},
    ]
    config = tmp_path / "config.yaml"
    config.write_bytes(msgspec.json.encode({"sinks": sinks, "state_dir": "state"}))
    with Subscriber(broker.host, broker.port) as subscriber:
        assert replay(path, config) == 0
        wait_until(lambda: len(subscriber.payloads("emotiond/a/event")) == 2)
        wait_until(lambda: len(subscriber.payloads("emotiond/b/event")) == 2)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_config_without_a_broker_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("sinks: [{kind: jsonl, path: out.jsonl}]")
    assert replay(record(tmp_path / "events.jsonl", [at(0)]), config) == 78
    assert "expected an MQTT sink, found none" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "1001", "fast"])
def test_a_speed_that_is_none_is_a_wrong_command_line(speed: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["replay", "events.jsonl", "--speed", speed])
    assert caught.value.code == 2


def test_a_broker_that_dies_meanwhile_is_exit_code_1_and_the_rest_waits(
    broker: Broker, tmp_path: Path
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(2, END)])
    config = write_config(tmp_path, broker.port)
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        running("replay", path, "--config", config) as process,
    ):
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"), 30)
        broker.kill()
        _, errors = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "1 events wait for the next run" in errors
