import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from edge.commands.embedded_broker import free_port
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.session import MqttSubscriber, connect_any
from edge.publish.mqtt.settings import Address, MqttSettings
from edge.secrets import SecretRef
from tests.brokers import Broker, Mosquitto, wait_until
from tests.edge.publish.mqtt.publishers import settings
from tests.proxy import Proxy

HOST = "127.0.0.1"
TOPIC = "emotiond/test/event"


@contextmanager
def listening(reached: MqttSettings) -> Iterator[tuple[MqttSubscriber, list[MqttMessage]]]:
    messages: list[MqttMessage] = []
    subscriber = MqttSubscriber(reached, [TOPIC], messages.append)
    thread = threading.Thread(target=subscriber.run)
    thread.start()
    try:
        yield subscriber, messages
    finally:
        subscriber.stop()
        thread.join()


def say(broker: Broker, payload: bytes) -> None:
    with closing(connect_any(settings(broker.port), "test")) as session:
        session.publish_and_wait(TOPIC, payload)


def test_what_is_published_is_received(broker: Broker) -> None:
    with listening(settings(broker.port)) as (subscriber, messages):
        assert subscriber.subscribed.wait(10)
        say(broker, b"one")
        wait_until(lambda: messages)
    assert messages == [MqttMessage(TOPIC, b"one", qos=1)]


def test_after_a_broker_returns_its_messages_are_received_again_and_both_is_logged_once(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Proxy(broker.port) as network, listening(settings(network.port)) as (subscriber, messages):
        assert subscriber.subscribed.wait(10)
        network.cut()
        wait_until(lambda: "connection lost" in caplog.text)
        wait_until(lambda: subscriber._connector._failures >= 2)  # it tried in vain
        network.open()
        assert subscriber.subscribed.wait(10)
        say(broker, b"two")
        wait_until(lambda: messages)
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "INFO"]


def test_an_unreachable_broker_is_logged_once_and_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    with listening(settings(port)) as (subscriber, _):
        wait_until(lambda: subscriber._connector._failures >= 2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"broker {HOST}:{port}: cannot be reached" in caplog.text


def test_a_refusal_is_logged_otherwise_than_an_unreachable_broker(
    secured: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    with listening(settings(secured.port, user="edge", password=SecretRef(env="PASSWORD"))):
        wait_until(lambda: "refuses this client: Not authorized" in caplog.text)
    assert "guess" not in caplog.text


def test_the_next_address_is_taken_if_the_first_is_unreachable(broker: Broker) -> None:
    reached = settings(free_port(), fallbacks=(Address(HOST, broker.port),))
    with listening(reached) as (subscriber, messages):
        assert subscriber.subscribed.wait(10)
        say(broker, b"one")
        wait_until(lambda: messages)


def test_an_error_in_the_callback_is_not_taken_for_the_network(broker: Broker) -> None:
    def fail(message: MqttMessage) -> None:
        raise BrokenPipeError

    def speak() -> None:
        if subscriber.subscribed.wait(10):
            say(broker, b"one")

    subscriber = MqttSubscriber(settings(broker.port), [TOPIC], fail)
    speaker = threading.Thread(target=speak)
    speaker.start()
    with pytest.raises(BrokenPipeError):
        subscriber.run()
    speaker.join()
