"""`emotiond watch` as it is typed."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.cli import main
from edge.commands.embedded_broker import free_port
from edge.publish.mqtt.session import connect_any
from edge.publish.mqtt.settings import MqttSettings
from edge.publish.payload import encode_event
from tests.brokers import Broker, Mosquitto
from tests.edge.commands.configs import running, write_config
from tests.events import event
from tests.subscribers import Subscriber


def say(broker: Broker, topic: str, payload: bytes, retain: bool = False) -> None:
    settings = MqttSettings(host=broker.host, port=broker.port)
    with closing(connect_any(settings, "test")) as visit:
        visit.publish(topic, payload, retain)


def read_until(stream: Iterator[str], text: str) -> str:
    return next(line for line in stream if text in line)


def interrupted(process: "subprocess.Popen[str]") -> str:
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    return output


def test_events_and_what_becomes_of_the_device_are_shown_until_ctrl_c(
    broker: Broker, tmp_path: Path
) -> None:
    say(broker, "emotiond/test/availability", b"online", retain=True)
    with running("watch", "--config", write_config(tmp_path, broker.port)) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        first = process.stderr.readline()
        assert first == f"emotiond/test/... at 127.0.0.1:{broker.port}; Ctrl-C ends\n"
        read_until(process.stdout, "device online")
        say(broker, "emotiond/test/state", b'{"camera": "paused", "paused_until": null}')
        say(broker, "emotiond/other/event", encode_event(event(emotion="neutral")))
        say(broker, "emotiond/test/event", encode_event(event()))
        read_until(process.stdout, "camera paused")
        line = process.stdout.readline()
        assert "start   face 1  happy" in line
        assert interrupted(process) == ""
        assert process.returncode == 0


def test_of_all_devices_each_line_names_its_own(broker: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, broker.port)
    for device in ("hall", "door"):
        say(broker, f"emotiond/{device}/availability", b"online", retain=True)
    with running("watch", "--config", config, "--device", "+") as process:
        assert process.stdout is not None
        lines = {process.stdout.readline().split()[0] for _ in range(2)}
    assert lines == {"hall", "door"}


def test_as_json_each_event_is_a_line_as_the_jsonl_sink_writes_it(
    broker: Broker, tmp_path: Path
) -> None:
    config = write_config(tmp_path, broker.port)
    with running("watch", "--config", config, "--device", "hall", "--json") as process:
        assert process.stderr is not None
        read_until(process.stderr, "listening to emotiond/hall/event")
        payload = encode_event(event())
        say(broker, "emotiond/hall/event", b"no event")
        say(broker, "emotiond/hall/event", payload)
        assert process.stdout is not None
        assert process.stdout.readline().encode() == payload + b"\n"


def test_a_reader_that_has_enough_ends_it_without_a_fault(broker: Broker, tmp_path: Path) -> None:
    with running("watch", "--config", write_config(tmp_path, broker.port), "--json") as process:
        assert process.stderr is not None
        assert process.stdout is not None
        read_until(process.stderr, "listening to")
        process.stdout.close()
        say(broker, "emotiond/test/event", encode_event(event()))
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_a_broker_that_is_away_is_told_once_and_waited_for(broker: Broker, tmp_path: Path) -> None:
    broker.kill()
    with running("watch", "--config", write_config(tmp_path, broker.port)) as process:
        assert process.stderr is not None
        read_until(process.stderr, "cannot be reached")
        broker.start()
        assert "listening to" in process.stderr.readline()


def test_a_refusal_is_told(
    secured: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    config = write_config(tmp_path, secured.port, user="edge", password={"env": "PASSWORD"})
    with running("watch", "--config", config) as process:
        assert process.stderr is not None
        read_until(process.stderr, "refuses this client: Not authorized")


def test_watching_leaves_the_daemon_of_that_device_alone(broker: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, broker.port)
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        running("watch", "--config", config) as one,
    ):
        assert one.stderr is not None
        read_until(one.stderr, "listening to")
        interrupted(one)
        subscriber.catch_up()
        assert subscriber.messages == []  # no last will, no availability


@pytest.mark.parametrize("device", ["", "a/b", "#", "++", "küche", "n" * 65])
def test_a_name_that_no_device_has_is_a_wrong_command_line(device: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["watch", "--device", device])
    assert caught.value.code == 2


def test_a_config_without_a_broker_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("sinks: []")
    assert main(["watch", "--config", str(config)]) == 78
    assert "expected an MQTT sink, found none" in capsys.readouterr().err


def test_a_secret_that_is_not_there_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, free_port(), user="edge", password={"file": "none"})
    assert main(["watch", "--config", str(config)]) == 78
    assert "none: the secret cannot be read" in capsys.readouterr().err.splitlines()[-1]
