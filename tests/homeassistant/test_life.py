"""Devices that come, change and go, and a Home Assistant that does."""

import sys
from pathlib import Path
from subprocess import run

import msgspec
import paho.mqtt.publish as publish

from edge.publish.mqtt.settings import HomeAssistantSettings
from edge.types import EventType
from tests.brokers import Mosquitto, wait_until
from tests.e2e.daemon import Daemon
from tests.homeassistant.core import HomeAssistant
from tests.homeassistant.device import LABELS, PublishedDevice, seen
from tests.subscribers import Subscriber

NOWHERE = {"kind": "stream", "url": "http://127.0.0.1:9/none"}
"""Source that is never there: a device is announced all the same."""


def topic_of(device: PublishedDevice) -> str:
    return HomeAssistantSettings().discovery_topic(device.root)


def test_a_home_assistant_that_comes_up_is_told_again_and_shows_all_under_the_same_ids(
    device: PublishedDevice, home: HomeAssistant, home_broker: Mosquitto
) -> None:
    device.tell(seen("happy"))
    device.wait_for(emotion="happy")
    before = home.entities(device.key)
    home.stop()
    # As if the broker had been restarted without its memory.
    publish.single(topic_of(device), None, 1, True, home_broker.host, home_broker.port)
    home.start()
    device.wait_for(emotion="happy", faces="1", pause="off")
    after = home.entities(device.key)
    assert {k: one["entity_id"] for k, one in after.items()} == {
        k: one["entity_id"] for k, one in before.items()
    }
    device.tell(seen("happy", EventType.END))
    wait_until(lambda: device.shown("emotion_event")["attributes"]["event_type"] == "end")


def test_a_model_with_another_class_brings_an_entity_and_an_option(
    device: PublishedDevice, home: HomeAssistant
) -> None:
    device.set(model="tiny-int8", labels=(*LABELS, "contempt"))
    device.tell(seen("contempt"))
    device.wait_for(emotion="contempt", model="tiny-int8")
    assert device.shown("emotion")["attributes"]["options"] == [*LABELS, "contempt", "uncertain"]
    assert "probability_contempt" in home.entities(device.key)


def test_what_the_config_no_longer_allows_is_taken_out_of_the_registry(
    device: PublishedDevice, home: HomeAssistant, home_broker: Mosquitto, tmp_path: Path
) -> None:
    before = home.entities(device.key)
    device.sink.close(5)
    again = tmp_path / "again"
    again.mkdir()
    name = device.settings.name
    with PublishedDevice(home, home_broker.port, str(name), again, pictures=False):
        wait_until(lambda: "snapshot" not in home.entities(device.key))
        wait_until(lambda: "take_snapshot" not in home.entities(device.key))
        assert before.keys() - home.entities(device.key).keys() == {"snapshot", "take_snapshot"}


def test_a_device_that_is_removed_leaves_nothing_behind(
    device: PublishedDevice, home: HomeAssistant, home_broker: Mosquitto, tmp_path: Path
) -> None:
    device.sink.close(5)
    config = tmp_path / "emotiond.yaml"
    sink = {"kind": "mqtt", "port": home_broker.port, "device": device.settings.name}
    config.write_bytes(msgspec.json.encode({"sinks": [{**sink, "host": "127.0.0.1"}]}))
    command = [sys.executable, "-m", "edge", "homeassistant", "remove", "--config", str(config)]
    run(command, check=True, capture_output=True)
    wait_until(lambda: device.key not in home.devices())
    assert home.entities(device.key) == {}
    assert not [one for one in home.states() if device.key in one]
    with Subscriber(home_broker.host, home_broker.port) as subscriber:
        subscriber.catch_up()
        topics = [topic for topic, _, _ in subscriber.messages]
    assert [topic for topic in topics if topic.startswith(device.root)] == []
    assert topic_of(device) not in topics


def test_a_device_that_is_announced_to_another_home_assistant_is_gone_here(
    home: HomeAssistant, home_broker: Mosquitto, tmp_path: Path
) -> None:
    sink = {"kind": "mqtt", "host": "127.0.0.1", "port": home_broker.port, "device": "attic"}
    for prefix, here in (("homeassistant", True), ("elsewhere", False)):
        told = sink | {"homeassistant": {"prefix": prefix}}
        with Daemon(tmp_path, {"source": NOWHERE, "sinks": [told]}) as daemon:
            wait_until(lambda: ("emotiond_attic" in home.devices()) is here, 60)  # noqa: B023
            assert daemon.stop() == 0


def test_a_device_that_was_renamed_is_there_once(
    home: HomeAssistant, home_broker: Mosquitto, tmp_path: Path
) -> None:
    for name, former in (("hall", None), ("door", "hall")):
        sink = {"kind": "mqtt", "host": "127.0.0.1", "port": home_broker.port, "device": name}
        with Daemon(tmp_path, {"source": NOWHERE, "sinks": [sink]}) as daemon:
            wait_until(lambda: f"emotiond_{name}" in home.devices(), 60)  # noqa: B023
            wait_until(lambda: f"emotiond_{former}" not in home.devices())  # noqa: B023
            assert daemon.stop() == 0
