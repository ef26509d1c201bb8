"""`emotiond watch` as it is typed."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.cli import main
from edge.commands.embedded_broker import free_port
from edge.commands.events import event_line, watch_line
from edge.publish.events import encode_event
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.session import connect_any
from edge.publish.mqtt.settings import MqttSettings
from tests.brokers import Broker, Mosquitto
from tests.edge.commands.configs import running, write_config
from tests.events import event
from tests.subscribers import Subscriber


def say(broker: Broker, topic: str, payload: bytes, retain: bool = False) -> None:
    settings = MqttSettings(host=broker.host, port=broker.port)
    with closing(connect_any(settings, "test")) as session:
        session.publish_and_wait(topic, payload, retain)


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


Formatter = Callable[[MqttMessage], str | None]


def formatting(names: bool) -> Formatter:
    return partial(watch_line, told={}, names=names)


def format_line(formatter: Formatter, topic: str, payload: bytes) -> str | None:
    return formatter(MqttMessage(topic, payload))


def test_every_event_is_told_even_the_same_again() -> None:
    formatter = formatting(names=False)
    payload = encode_event(event())
    first = format_line(formatter, "emotiond/a/event", payload)
    assert first is not None
    assert "start   face 1  happy" in first
    assert format_line(formatter, "emotiond/a/event", payload) == first


def test_a_device_that_comes_and_goes_is_told_once_each_time() -> None:
    formatter = formatting(names=False)
    lines = [
        format_line(formatter, "emotiond/a/availability", payload)
        for payload in (b"online", b"online", b"offline", b"online")
    ]
    assert [line and line.split("  ")[1] for line in lines] == [
        "device online",
        None,
        "device offline",
        "device online",
    ]


def test_of_the_state_the_camera_is_told_when_it_changes() -> None:
    formatter = formatting(names=False)
    states = [
        b'{"faces": 0, "camera": "online", "paused_until": null}',
        b'{"faces": 1, "camera": "online", "paused_until": null}',
        b'{"faces": 0, "camera": "paused", "paused_until": "2026-01-02T03:04:05.678Z"}',
        b'{"faces": 0, "camera": "paused", "paused_until": null}',
    ]
    lines = [format_line(formatter, "emotiond/a/state", state) for state in states]
    assert [line and line.split("  ")[1] for line in lines] == [
        "camera online",
        None,
        "camera paused until 2026-01-02T03:04:05.678Z",
        "camera paused",
    ]


def test_of_several_devices_each_line_names_its_own_and_each_has_its_own_news() -> None:
    formatter = formatting(names=True)
    lines = [
        format_line(formatter, f"emotiond/{device}/availability", b"online")
        for device in ("hall", "door")
    ]
    assert [line and line.split()[0] for line in lines] == ["hall", "door"]
    line = format_line(formatter, "emotiond/door/event", encode_event(event()))
    assert line is not None
    assert line.startswith("door ")


def test_what_cannot_be_understood_is_said_in_one_line() -> None:
    formatter = formatting(names=True)
    for kind, payload in (("event", b"{}"), ("state", b"\xff"), ("availability", b"\xff\n")):
        line = format_line(formatter, f"emotiond/a/{kind}", payload)
        assert line is not None
        assert "not understood" in line
        assert "\n" not in line


def test_what_the_broker_no_longer_retains_is_no_news() -> None:
    assert format_line(formatting(names=False), "emotiond/a/availability", b"") is None


EVENT = {
    "time": "2026-01-02T03:04:05.678Z",
    "type": "start",
    "track_id": 1,
    "emotion": "happy",
    "confidence": 0.5,
    "reasons": [],
    "duration": 0.0,
    "latency_ms": 12.3,
}


def line(**fields: Any) -> str:
    return event_line(msgspec.json.encode({**EVENT, **fields}))


def test_an_end_that_the_next_run_told_says_so() -> None:
    assert "  restart  " in line(type="end", reason="restart")


def test_an_event_is_one_line_with_a_bar_as_long_as_its_confidence() -> None:
    text = line()
    assert text.startswith("03:04:05.678  start   face 1  happy ")
    assert text.count("█") == text.count("░") == 10
    assert "\n" not in text


def test_an_event_without_confidence_says_why_in_the_place_of_the_bar() -> None:
    text = line(emotion="uncertain", confidence=None, reasons=["dark", "blurred"])
    assert "uncertain  dark, blurred  " in text
    assert "█" not in text
    assert text.index("after") == line().index("after")


def test_what_a_newer_daemon_says_more_is_passed_over() -> None:
    assert line(mood="fine") == line()


@pytest.mark.parametrize("confidence", [-5, 7, 1e300])
def test_a_bar_has_its_length_whatever_came(confidence: float) -> None:
    assert sum(letter in "█░" for letter in line(confidence=confidence)) == 20


def test_a_message_nested_deeper_than_python_goes_is_told_of_and_the_next_is_shown(
    broker: Broker, tmp_path: Path
) -> None:
    config = write_config(tmp_path, broker.port)
    for options in ([], ["--json"]):
        with running("watch", "--config", config, *options) as process:
            assert process.stderr is not None
            assert process.stdout is not None
            read_until(process.stderr, "listening to")
            say(broker, "emotiond/test/event", b"[" * 3000 + b"]" * 3000)
            say(broker, "emotiond/test/event", b'{"time": ' + b"[" * 3000 + b"]" * 3000 + b"}")
            say(broker, "emotiond/test/event", encode_event(event()))
            read_until(process.stdout, "happy")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_nothing_that_came_over_the_network_moves_the_cursor(
    broker: Broker, tmp_path: Path, options: list[str]
) -> None:
    with running("watch", "--config", write_config(tmp_path, broker.port), *options) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        read_until(process.stderr, "listening to")
        say(broker, "emotiond/test/availability", b"\x1b[2Jonline\r")
        payload = encode_event(event()).replace(b"happy", "\\u001b[2J\x9b2J\u202e".encode())
        say(broker, "emotiond/test/event", payload)
        line = read_until(process.stdout, "[2J" if options else "face 1").rstrip("\n")
        assert line.isprintable()
        assert not options or "\\u001b[2J\\u009b2J\\u202e" in line


@pytest.mark.parametrize("payload", [b"", b"online", b"{}", b"[]", b'{"time": 1}'])
def test_what_is_no_event_is_an_error(payload: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        event_line(payload)
