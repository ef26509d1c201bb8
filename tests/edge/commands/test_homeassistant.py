"""`emotiond homeassistant remove` as it is typed."""

from pathlib import Path

import msgspec
import pytest

from edge.cli import main
from edge.commands.embedded_broker import free_port
from edge.publish.homeassistant import discovery
from edge.publish.mqtt.settings import MqttSettings
from edge.service.commands import Catalog
from tests.brokers import Broker, Mosquitto
from tests.e2e.daemon import Daemon, mqtt
from tests.edge.commands.configs import write_config
from tests.events import status
from tests.subscribers import Subscriber

TOPIC = "homeassistant/device/emotiond_test/config"


def announce(broker: Broker, topic: str) -> None:
    told = discovery(MqttSettings(device="test"), status(labels=("happy", "sad")), Catalog())
    payload = msgspec.json.encode(told)
    with Subscriber(broker.host, broker.port) as speaker:
        speaker.publish(topic, payload, retain=True)


def retained(broker: Broker) -> list[str]:
    with Subscriber(broker.host, broker.port) as subscriber:
        subscriber.catch_up()
        return [topic for topic, _, retain in subscriber.messages if retain]


def remove(config: Path) -> int:
    return main(["homeassistant", "remove", "--config", str(config)])


def test_the_device_is_taken_away_and_others_stay(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "homeassistant/device/emotiond_other/config"
    announce(broker, TOPIC)
    announce(broker, other)
    with Subscriber(broker.host, broker.port) as home:
        assert remove(write_config(tmp_path, broker.port)) == 0
        home.catch_up()
        assert (TOPIC, "") in [message[:2] for message in home.messages]
    assert retained(broker) == [other]
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        f"{TOPIC}: cleared at 127.0.0.1:{broker.port}; Home Assistant forgets the device"
    )
    assert "`homeassistant: null`" in second


def test_all_that_a_daemon_left_with_its_broker_can_be_cleared(
    broker: Broker, tmp_path: Path
) -> None:
    source = {"kind": "stream", "url": "http://127.0.0.1:9/none"}
    with Daemon(tmp_path, {"source": source, "sinks": [mqtt(broker.port)]}) as daemon:
        daemon.wait_for("started within", 60)
        daemon.wait_for(": connected")
        assert daemon.stop() == 0
    left = {TOPIC, *(f"emotiond/test/{name}" for name in ("availability", "state", "stats"))}
    assert set(retained(broker)) == left
    assert main(["homeassistant", "remove", "--config", str(daemon.path)]) == 0
    assert retained(broker) == []


def test_it_can_still_be_taken_away_when_the_config_announces_it_no_more(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(broker, TOPIC)
    assert remove(write_config(tmp_path, broker.port, homeassistant=None)) == 0
    assert retained(broker) == []
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_the_prefix_of_the_config_is_minded(broker: Broker, tmp_path: Path) -> None:
    announce(broker, "home/device/emotiond_test/config")
    assert remove(write_config(tmp_path, broker.port, homeassistant={"prefix": "home"})) == 0
    assert retained(broker) == []


def test_an_absent_broker_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    assert remove(write_config(tmp_path, port)) == 1
    output = capsys.readouterr()
    assert output.err.startswith(f"emotiond: broker 127.0.0.1:{port}: cannot be reached: ")
    assert output.err.count("\n") == 1
    assert output.out == ""


def test_a_refusal_is_one_line_and_exit_code_1(
    secured: Mosquitto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    config = write_config(tmp_path, secured.port, user="edge", password={"env": "PASSWORD"})
    assert remove(config) == 1
    error = capsys.readouterr().err
    assert "refuses this client: Not authorized" in error
    assert error.count("\n") == 1
    assert "guess" not in error


def test_who_may_not_do_it_is_told_so_where_the_protocol_can(
    needs_mosquitto: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    access = tmp_path / "acl"
    access.write_text("topic readwrite emotiond/#\n")
    with Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {access}") as broker:
        assert remove(write_config(tmp_path, broker.port, protocol=5)) == 1
    assert f"it may not publish on {TOPIC}: Not authorized" in capsys.readouterr().err
