"""Commands over MQTT to the daemon as a process, on a live stream and a real broker."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from tests.brokers import Broker, new_broker, wait_until
from tests.e2e.daemon import Daemon, mqtt
from tests.subscribers import Subscriber

ROOT = "emotiond/test"


@pytest.fixture(scope="module")
def stream() -> Iterator[LiveStream]:
    with LiveStream(CLIP, fps=25) as running:
        yield running


def config(stream: LiveStream, broker: Broker, **fields: Any) -> dict[str, Any]:
    sink = mqtt(broker.port)
    return {"source": {"kind": "stream", "url": stream.url}, "sinks": [sink], **fields}


class House:
    """A running daemon, and somebody who speaks to it."""

    def __init__(self, daemon: Daemon, caller: Subscriber) -> None:
        self.daemon = daemon
        self.caller = caller

    def ask(self, topic: str, payload: bytes = b"") -> dict[str, Any]:
        """Send a command and return its answer."""
        name = topic.split("/")[1]
        response = f"{ROOT}/response/{name}"
        before = len(self.caller.payloads(response))
        self.caller.publish(f"{ROOT}/{topic}", payload)
        wait_until(lambda: len(self.caller.payloads(response)) > before, seconds=30)
        return dict(self.caller.payloads(response)[-1])

    @property
    def state(self) -> dict[str, Any]:
        states = self.caller.payloads(f"{ROOT}/state")
        return dict(states[-1]) if states else {}


@contextmanager
def live_in(folder: Path, stream: LiveStream, broker: Broker) -> Iterator[House]:
    with (
        Subscriber(broker.host, broker.port) as caller,
        Daemon(folder, config(stream, broker)) as daemon,
    ):
        house = House(daemon, caller)
        wait_until(lambda: house.state.get("faces") == 1)
        yield house
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, stream: LiveStream) -> Iterator[House]:
    """One daemon for many tests: each leaves it with its camera online."""
    folder = tmp_path_factory.mktemp("house")
    with new_broker(folder) as broker, live_in(folder, stream, broker) as house:
        yield house


def test_the_camera_is_let_go_and_taken_again_on_command(house: House) -> None:
    answer = house.ask("set/pause", b'{"paused": true, "id": "p1"}')
    assert answer == {"id": "p1", "status": "ok", "data": {"paused": True, "until": None}}
    wait_until(lambda: (house.state["camera"], house.state["faces"]) == ("paused", 0))
    assert house.ask("set/pause", b"OFF")["status"] == "ok"
    wait_until(lambda: (house.state["camera"], house.state["faces"]) == ("online", 1))


def test_a_pause_with_a_timer_says_until_when_and_ends_by_itself(house: House) -> None:
    house.ask("set/pause", b'{"paused": true, "seconds": 2}')
    wait_until(lambda: house.state["camera"] == "paused")
    assert house.state["paused_until"].endswith("Z")
    wait_until(lambda: (house.state["camera"], house.state["paused_until"]) == ("online", None))


def test_a_pause_outlives_kill_9(tmp_path: Path, stream: LiveStream, broker: Broker) -> None:
    with Subscriber(broker.host, broker.port) as caller:
        with Daemon(tmp_path, config(stream, broker)) as daemon:
            house = House(daemon, caller)
            wait_until(lambda: house.state.get("camera") == "online")
            house.ask("set/pause", b"ON")
            daemon.kill()
        before = len(caller.payloads(f"{ROOT}/state"))
        with Daemon(tmp_path, config(stream, broker)) as daemon:
            wait_until(lambda: len(caller.payloads(f"{ROOT}/state")) > before)
            time.sleep(2)
            cameras = {state["camera"] for state in caller.payloads(f"{ROOT}/state")[before:]}
            assert cameras == {"paused"}
            assert daemon.stop() == 0
    assert "0 frames" in daemon.log


def test_model_detector_and_thresholds_are_chosen_while_it_runs(house: House) -> None:
    assert house.ask("set/thresholds", b'{"min_size": 2000}')["status"] == "ok"
    wait_until(lambda: house.state["emotion"] == "uncertain")
    assert house.ask("set/thresholds", b'{"min_size": 22}')["status"] == "ok"
    assert house.ask("set/model", b"tiny-int8")["data"]["model"] == "tiny-int8"
    wait_until(lambda: (house.state["model"], house.state["faces"]) == ("tiny-int8", 1))
    assert house.ask("set/detector", b"haar")["data"]["detector"] == "haar"
    wait_until(lambda: (house.state["detector"], house.state["faces"]) == ("haar", 1))


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        ("set/model", b"gone", "refused"),
        ("set/thresholds", b'{"min_size": -1}', "malformed"),
        ("request/info", b" " * 5000, "oversized"),
        ("request/dance", b"", "unknown"),
        ("request/snapshot", b"", "refused"),
    ],
)
def test_a_wrong_command_gets_an_error_and_changes_nothing(
    house: House, topic: str, payload: bytes, code: str
) -> None:
    before = house.ask("request/info")["data"]["config"]
    assert house.ask(topic, payload)["error"]["code"] == code
    assert house.ask("request/info")["data"]["config"] == before


def test_a_snapshot_comes_where_the_config_allows_it(
    tmp_path: Path, stream: LiveStream, broker: Broker
) -> None:
    allowed = config(stream, broker, privacy={"allow_snapshots": True})
    with Subscriber(broker.host, broker.port) as caller, Daemon(tmp_path, allowed) as daemon:
        house = House(daemon, caller)
        wait_until(lambda: house.state.get("faces") == 1)
        assert house.ask("request/snapshot")["data"]["width"] == 640
        (picture,) = caller.payloads(f"{ROOT}/snapshot")
        assert daemon.stop() == 0
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (480, 640, 3)
    assert not any(kept for topic, _, kept in caller.messages if topic.endswith("snapshot"))


def test_a_reload_is_answered_whatever_it_changes(
    tmp_path: Path, stream: LiveStream, broker: Broker
) -> None:
    with live_in(tmp_path, stream, broker) as house:
        reload(house, stream, broker)


def reload(house: House, stream: LiveStream, broker: Broker) -> None:
    """Reload a bad config, one with other settings, and one with other sinks."""
    house.daemon.write({"tracker": {"min_hits": 0}})
    error = house.ask("request/reload")["error"]
    assert (error["code"], "tracker.min_hits: expected" in error["message"]) == ("failed", True)
    house.daemon.write(config(stream, broker, smoothing={"hold_s": 0.3}))
    assert house.ask("request/reload")["status"] == "ok"
    sinks = [{**mqtt(broker.port), "publish_faces": True}]
    house.daemon.write({**config(stream, broker), "sinks": sinks})
    assert house.ask("request/reload")["status"] == "ok"
    wait_until(lambda: house.caller.payloads(f"{ROOT}/face/1"))  # the face is the same
    assert house.caller.payloads(f"{ROOT}/availability") == ["online", "offline", "online"]


def test_mqtt_5_answers_where_it_is_asked_to(
    needs_mosquitto: None, tmp_path: Path, stream: LiveStream, broker: Broker
) -> None:
    sink = {**mqtt(broker.port), "protocol": 5}
    with (
        Subscriber(broker.host, broker.port, protocol=paho.MQTTv5) as caller,
        Daemon(tmp_path, config(stream, broker, sinks=[sink])) as daemon,
    ):
        wait_until(lambda: caller.payloads(f"{ROOT}/availability"))
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic, properties.CorrelationData = "me/here", b"\x00\x07"
        caller.publish(f"{ROOT}/request/info", b"", properties=properties)
        wait_until(lambda: caller.payloads("me/here"))
        (answer,) = (message for message in caller.raw if message.topic == "me/here")
        assert daemon.stop() == 0
    assert answer.properties is not None
    told = answer.properties.json()  # type: ignore[no-untyped-call]
    assert told["CorrelationData"] == "0007"
    assert msgspec.json.decode(answer.payload)["status"] == "ok"
