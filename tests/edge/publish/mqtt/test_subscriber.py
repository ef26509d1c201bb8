import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from edge.commands.embedded_broker import free_port
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.session import connect_any, receive
from edge.publish.mqtt.settings import Address, MqttSettings
from edge.secrets import SecretRef
from tests.brokers import Broker, Mosquitto, wait_until
from tests.edge.publish.mqtt.publishers import settings
from tests.proxy import Proxy

HOST = "127.0.0.1"
TOPIC = "emotiond/test/event"


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@contextmanager
def listening(reached: MqttSettings) -> Iterator[list[MqttMessage]]:
    """Receive in a thread of its own."""
    messages: list[MqttMessage] = []
    stopping = threading.Event()
    thread = threading.Thread(target=lambda: messages.extend(receive(reached, [TOPIC], stopping)))
    thread.start()
    try:
        yield messages
    finally:
        stopping.set()
        thread.join()


def wait_for_subscriptions(caplog: pytest.LogCaptureFixture, count: int = 1) -> None:
    wait_until(lambda: caplog.text.count(f"listening to {TOPIC}") == count)


def say(broker: Broker, payload: bytes) -> None:
    with closing(connect_any(settings(broker.port), "test")) as session:
        session.publish_and_wait(TOPIC, payload)


def test_what_is_published_is_received(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    with listening(settings(broker.port)) as messages:
        wait_for_subscriptions(caplog)
        say(broker, b"one")
        wait_until(lambda: messages)
    assert messages == [MqttMessage(TOPIC, b"one", qos=1)]


def test_after_a_broker_returns_its_messages_are_received_again_and_both_is_logged_once(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with Proxy(broker.port) as network, listening(settings(network.port)) as messages:
        wait_for_subscriptions(caplog)
        network.cut()
        wait_until(lambda: "connection lost" in caplog.text)
        time.sleep(1.5)  # it tries in vain
        network.open()
        wait_for_subscriptions(caplog, 2)
        say(broker, b"two")
        wait_until(lambda: messages)
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "INFO"]


def test_an_unreachable_broker_is_logged_once_and_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    with listening(settings(port)):
        time.sleep(1.5)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"broker {HOST}:{port}: cannot be reached" in caplog.text


def test_a_refusal_is_logged_otherwise_than_an_unreachable_broker(
    secured: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    with listening(settings(secured.port, user="edge", password=SecretRef(env="PASSWORD"))):
        wait_until(lambda: "refuses this client: Not authorized" in caplog.text)
    assert "guess" not in caplog.text


def test_the_next_address_is_taken_if_the_first_is_unreachable(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    reached = settings(free_port(), fallbacks=(Address(HOST, broker.port),))
    with listening(reached) as messages:
        wait_for_subscriptions(caplog)
        say(broker, b"one")
        wait_until(lambda: messages)
