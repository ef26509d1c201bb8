"""What is published, and that none of it is lost; on real brokers."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import paho.mqtt.publish as paho_publish
import pytest

from edge.commands.embedded_broker import free_port
from edge.errors import EmotiondError
from edge.publish.mqtt.settings import MqttSettings
from edge.publish.outbox import OutboxSettings
from edge.publish.sink import SinkContext
from edge.types import CameraState, EventType
from tests.brokers import Broker, wait_until
from tests.edge.publish.mqtt.publishers import ROOT, Publish, publishing, retained, settings
from tests.events import event, expression, sight, stats, status
from tests.proxy import Proxy
from tests.subscribers import Subscriber


@pytest.fixture
def publish(tmp_path: Path) -> Iterator[Publish]:
    with publishing(tmp_path) as start:
        yield start


def test_events_arrive_whole_in_order_and_not_retained(broker: Broker, publish: Publish) -> None:
    events = [event(track_id=number) for number in range(1, 101)]
    with Subscriber(broker.host, broker.port) as subscriber:
        sink = publish(broker.port)
        for one in events:
            sink.publish(one)
        sink.close(5)
        wait_until(lambda: len(subscriber.payloads(f"{ROOT}/event")) == 100)
        payloads = subscriber.payloads(f"{ROOT}/event")
    assert [payload["id"] for payload in payloads] == [one.id for one in events]
    assert sink.dropped == 0
    assert "event" not in retained(broker)


def test_state_and_availability_are_retained_for_late_comers(
    broker: Broker, publish: Publish
) -> None:
    sink = publish(broker.port)
    sink.publish(event(EventType.START))
    wait_until(lambda: retained(broker).get("state", {}).get("faces") == 1)
    assert retained(broker)["availability"] == "online"
    assert retained(broker)["state"]["emotion"] == "happy"
    sink.close(5)
    assert retained(broker)["availability"] == "offline"


def test_a_process_that_dies_is_announced_offline_by_its_last_will(
    broker: Broker, tmp_path: Path
) -> None:
    program = (
        "import time; from pathlib import Path; from edge.publish import MqttSettings, SinkContext; "
        f"settings = MqttSettings(host='127.0.0.1', port={broker.port}, device='test'); "
        f"settings.open(SinkContext(Path({str(tmp_path / 'box')!r}))).start(); time.sleep(60)"
    )
    with Subscriber(broker.host, broker.port) as subscriber:
        process = subprocess.Popen([sys.executable, "-c", program])
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability") == ["online"])
        process.kill()
        process.wait()
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability")[-1] == "offline")


def test_what_happens_while_the_broker_is_away_is_delivered_when_it_returns(
    broker: Broker, publish: Publish
) -> None:
    with Proxy(broker.port) as network:
        sink = publish(network.port)
        wait_until(lambda: retained(broker).get("availability") == "online")
        network.cut()
        broker.kill()
        events = [event(track_id=number) for number in range(1, 51)]
        for one in events:
            sink.publish(one)
        broker.start()
        with Subscriber(broker.host, broker.port) as subscriber:
            network.open()
            wait_until(lambda: len(subscriber.payloads(f"{ROOT}/event")) >= 50)
            received = [payload["id"] for payload in subscriber.payloads(f"{ROOT}/event")]
        assert received == [one.id for one in events]
        # The broker forgot what it retained; the sink announced itself anew.
        assert retained(broker)["availability"] == "online"
        assert retained(broker)["state"]["faces"] == 50
    assert sink.dropped == 0


def test_what_was_not_acknowledged_is_sent_again_and_first(
    broker: Broker, publish: Publish
) -> None:
    with Proxy(broker.port) as network, Subscriber(broker.host, broker.port) as subscriber:
        sink = publish(network.port)
        events = [event(track_id=number) for number in range(1, 1001)]
        for number, one in enumerate(events):
            sink.publish(one)
            if number % 250 == 100:
                network.freeze()  # some are on their way when the connection ends
            if number % 250 == 200:
                network.cut()
                network.thaw()
                network.open()
            time.sleep(0.001)
        wait_until(lambda: not sink.waiting)
        sink.close(20)
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event")[-1]["track_id"] == 1000)
        received = [payload["track_id"] for payload in subscriber.payloads(f"{ROOT}/event")]
    assert list(dict.fromkeys(received)) == list(range(1, 1001))
    assert sink.dropped == 0


def test_what_reached_no_broker_waits_on_disk_for_the_next_run(
    broker: Broker, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sink = publish(free_port())
    events = [event(track_id=number) for number in range(1, 21)]
    for one in events:
        sink.publish(one)
    sink.close(0.5)
    assert "20 events wait for the next run" in caplog.text
    assert sink.dropped == 0
    with Subscriber(broker.host, broker.port) as subscriber:
        publish(broker.port)
        wait_until(lambda: len(subscriber.payloads(f"{ROOT}/event")) == 40)
        received = subscriber.payloads(f"{ROOT}/event")
    assert [payload["id"] for payload in received[:20]] == [one.id for one in events]
    ends = [(payload["track_id"], payload["reason"]) for payload in received[20:]]
    assert ends == [(number, "restart") for number in range(1, 21)], "the run before left them open"


def test_what_was_flushed_lies_in_the_outbox(publish: Publish, tmp_path: Path) -> None:
    sink = publish(free_port())
    for number in range(1, 6):
        sink.publish(event(track_id=number))
    assert sink.flush(10)
    stats = sink.stats()
    assert stats["recorded"] == sink.waiting == 5
    assert stats["durable"]
    assert (tmp_path / "outbox.sqlite").exists()


def test_two_sinks_cannot_share_an_outbox(publish: Publish) -> None:
    publish(free_port())
    with pytest.raises(EmotiondError, match="another emotiond uses this device's outbox"):
        publish(free_port())


def test_beyond_its_bound_the_outbox_drops_the_oldest_and_counts_them(publish: Publish) -> None:
    sink = publish(free_port(), outbox=OutboxSettings(max_events=10))
    for number in range(1, 31):
        sink.publish(event(track_id=number))
    assert sink.flush(10)
    assert sink.dropped == 20
    assert sink.waiting == 10


def test_a_connection_that_died_unnoticed_leaves_no_false_offline(
    broker: Broker, publish: Publish
) -> None:
    with Proxy(broker.port) as network, Subscriber(broker.host, broker.port) as subscriber:
        publish(network.port, keepalive_s=5)
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability") == ["online"])
        # The client's side ends; the broker's stays open and silent, as behind a lost router.
        network.orphan()
        wait_until(lambda: len(subscriber.payloads(f"{ROOT}/availability")) >= 2)
        time.sleep(9)  # longer than the broker waits for a silent client
        assert subscriber.payloads(f"{ROOT}/availability")[-1] == "online"


def test_stats_have_the_numbers_of_the_daemon_its_machine_and_its_broker(
    broker: Broker, publish: Publish
) -> None:
    sink = publish(broker.port)
    sink.publish(stats(camera=CameraState.OFFLINE))
    wait_until(lambda: "stats" in retained(broker))
    told = retained(broker)["stats"]
    assert (told["camera"], told["temperature"], told["memory"]) == ("offline", 48.3, 90_000_000)
    assert told["broker"]["address"] == f"127.0.0.1:{broker.port}"
    assert told["broker"]["durable"]


def test_what_is_retained_at_the_very_end_is_still_published(
    broker: Broker, publish: Publish
) -> None:
    for frames in range(20):
        sink = publish(broker.port)
        wait_until(lambda: sink.connected)  # noqa: B023
        sink.publish(stats(frames=frames))
        sink.close(5)
        assert retained(broker)["stats"]["frames"] == frames


def test_the_state_never_shows_a_face_before_its_event_is_published(
    broker: Broker, publish: Publish
) -> None:
    with Subscriber(broker.host, broker.port) as subscriber:
        sink = publish(broker.port)
        for number in range(1, 21):
            sink.publish(event(track_id=number))
            wait_until(lambda: subscriber.payloads(f"{ROOT}/state")[-1:])
            wait_until(lambda: subscriber.payloads(f"{ROOT}/state")[-1]["faces"] == number)  # noqa: B023
        events = 0
        for topic, payload, _ in subscriber.messages:
            events += topic == f"{ROOT}/event"
            if topic == f"{ROOT}/state":
                assert payload["faces"] <= events


def test_a_change_of_status_is_published_in_the_state(broker: Broker, publish: Publish) -> None:
    sink = publish(broker.port)
    sink.publish(status(camera=CameraState.PAUSED, model="deep-int8"))
    wait_until(lambda: retained(broker).get("state", {}).get("camera") == "paused")
    assert retained(broker)["state"]["model"] == "deep-int8"


def test_each_face_has_a_topic_of_its_own_where_that_is_wanted(
    broker: Broker, publish: Publish
) -> None:
    with Subscriber(broker.host, broker.port) as subscriber:
        sink = publish(broker.port, publish_faces=True)
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability"))
        sink.publish(sight(expression(3), expression(4, "neutral")))
        wait_until(lambda: subscriber.payloads(f"{ROOT}/face/4"))
        (face,) = subscriber.payloads(f"{ROOT}/face/3")
    assert (face["emotion"], face["confidence"], face["track_id"]) == ("happy", 0.8, 3)


def test_faces_have_no_topics_by_default(broker: Broker, publish: Publish) -> None:
    with Subscriber(broker.host, broker.port) as subscriber:
        sink = publish(broker.port)
        sink.publish(sight(expression(3)))
        sink.publish(event())
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"))
        subscriber.catch_up()
        assert not any("/face/" in topic for topic, _, _ in subscriber.messages)


def test_warnings_are_published_also_those_from_while_the_broker_was_away(
    broker: Broker, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    network = Proxy(broker.port)  # not open yet
    with Subscriber(broker.host, broker.port) as subscriber:
        publish(network.port)
        logging.getLogger("edge.capture.test").warning("camera 0: cannot be opened")
        logging.getLogger("edge.capture.test").info("nothing worth telling")
        logging.getLogger("others").warning("not of this house")
        wait_until(lambda: "cannot be reached" in caplog.text)
        with network:
            wait_until(lambda: len(subscriber.payloads(f"{ROOT}/log")) >= 2)
            subscriber.catch_up()
            lines = subscriber.payloads(f"{ROOT}/log")
    messages = {line["message"] for line in lines}
    assert "camera 0: cannot be opened" in messages
    assert any("cannot be reached" in message for message in messages)
    assert len(lines) == 2
    assert lines[0]["level"] == "warning"


def test_after_its_close_a_sink_takes_no_warning(publish: Publish) -> None:
    handlers = list(logging.getLogger("edge").handlers)
    sink = publish(free_port())
    assert logging.getLogger("edge").handlers != handlers
    sink.close(0.1)
    assert logging.getLogger("edge").handlers == handlers


def test_the_device_is_announced_at_each_connection_and_when_home_assistant_comes_up(
    broker: Broker, publish: Publish
) -> None:
    topic = "homeassistant/device/emotiond_test/config"
    with Proxy(broker.port) as network, Subscriber(broker.host, broker.port) as subscriber:
        publish(network.port)
        wait_until(lambda: subscriber.payloads(topic))
        network.cut()
        network.open()
        wait_until(lambda: len(subscriber.payloads(topic)) == 2)
        subscriber.publish("homeassistant/status", b"offline")
        subscriber.publish("homeassistant/status", b"online")
        wait_until(lambda: len(subscriber.payloads(topic)) == 3)
    first, *others = subscriber.payloads(topic)
    assert others == [first, first]


def test_the_device_is_announced_again_with_the_classes_of_another_model(
    broker: Broker, publish: Publish
) -> None:
    topic = "homeassistant/device/emotiond_test/config"
    with Subscriber(broker.host, broker.port) as subscriber:
        sink = publish(broker.port)
        wait_until(lambda: subscriber.payloads(topic))
        sink.publish(status(labels=("calm", "tense")))
        wait_until(lambda: len(subscriber.payloads(topic)) == 2)
        assert "calm" in str(subscriber.payloads(topic)[-1])


def test_a_zone_that_the_next_config_lacks_is_taken_from_home_assistant_and_then_forgotten(
    broker: Broker, publish: Publish
) -> None:
    topic = "homeassistant/device/emotiond_test/config"

    def entities(subscriber: Subscriber) -> dict[str, dict[str, str]]:
        announced = subscriber.payloads(topic)[-1:]
        return announced[0]["components"] if announced else {}

    with Subscriber(broker.host, broker.port) as subscriber:
        sink = publish(broker.port)
        sink.publish(status(zones=("door", "desk")))
        wait_until(lambda: "faces_in_desk" in entities(subscriber))
        sink.publish(status(zones=("desk",)))  # by a reload
        bare = {"platform": "sensor"}
        wait_until(lambda: entities(subscriber).get("faces_in_door") == bare)
        assert len(entities(subscriber)["faces_in_desk"]) > 1
        sink.close(5)
        publish(broker.port)  # by a restart, in which only the broker knows what there was
        wait_until(lambda: entities(subscriber).get("faces_in_desk") == bare)
        assert "faces_in_door" not in entities(subscriber)


def test_a_single_camera_that_becomes_one_of_several_leaves_nothing_with_the_daemon(
    broker: Broker, publish: Publish, tmp_path: Path
) -> None:
    topic = "homeassistant/device/emotiond_test/config"
    publish(broker.port).close(5)
    several = settings(broker.port).open(SinkContext(tmp_path / "several.sqlite", several=True))
    several.publish(status(camera_name="front"))
    several.start()
    with Subscriber(broker.host, broker.port) as subscriber:
        wait_until(lambda: "'faces': {'platform': 'sensor'}" in str(subscriber.payloads(topic)))
        components = subscriber.payloads(topic)[-1]["components"]
    several.close(5)
    assert {key for key, one in components.items() if len(one) > 1} == {"connection", "update"}


@pytest.mark.parametrize("retained", [b"\xff", b"[]", b'{"components":{"a":{"x":1,"y":2}}}'])
def test_what_a_stranger_has_retained_for_the_device_does_no_harm(
    broker: Broker, publish: Publish, retained: bytes
) -> None:
    topic = "homeassistant/device/emotiond_test/config"
    paho_publish.single(topic, retained, 1, True, broker.host, broker.port)
    sink = publish(broker.port)
    sink.publish(event())
    wait_until(lambda: sink.connected and not sink.waiting)
    sink.close(5)
    assert sink.dropped == 0


def test_the_device_is_not_announced_if_that_is_not_wanted(
    broker: Broker, publish: Publish
) -> None:
    with Subscriber(broker.host, broker.port) as subscriber:
        publish(broker.port, homeassistant=None)
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability"))
        subscriber.catch_up()
        assert not any(topic.startswith("homeassistant") for topic, _, _ in subscriber.messages)


def test_mqtt_5_says_what_an_event_is_and_how_long_it_is_of_use(
    needs_mosquitto: None, broker: Broker, publish: Publish
) -> None:
    with Subscriber(broker.host, broker.port, protocol=paho.MQTTv5) as subscriber:
        sink = publish(broker.port, protocol=5, outbox=OutboxSettings(max_age_s=3600.0))
        sink.publish(event())
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"))
        (message,) = (one for one in subscriber.raw if one.topic == f"{ROOT}/event")
    assert message.properties is not None
    told = message.properties.json()  # type: ignore[no-untyped-call]
    assert told["ContentType"] == "application/json"
    assert 3590 <= told["MessageExpiryInterval"] <= 3600


def test_the_default_device_is_the_hosts_name_made_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "pi 4/küche#")
    assert MqttSettings().root == "emotiond/pi-4-k-che"
