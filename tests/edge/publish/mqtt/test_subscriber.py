import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from edge.commands.embedded_broker import free_port
from edge.publish.mqtt.message import IncomingMessage
from edge.publish.mqtt.session import connect_any
from edge.publish.mqtt.settings import Address, MqttSettings
from edge.publish.mqtt.subscriber import MqttSubscriber
from edge.secrets import SecretRef
from tests.brokers import Broker, Mosquitto, wait_until
from tests.proxy import Proxy

HOST = "127.0.0.1"
TOPIC = "emotiond/test/event"


def settings(port: int, **fields: object) -> MqttSettings:
    return MqttSettings(**{"host": HOST, "port": port, "device": "test", **fields})  # type: ignore[arg-type]


@contextmanager
def listening(reached: MqttSettings) -> Iterator[tuple[MqttSubscriber, list[IncomingMessage]]]:
    messages: list[IncomingMessage] = []
    listener = MqttSubscriber(reached, [TOPIC], messages.append)
    thread = threading.Thread(target=listener.listen)
    thread.start()
    try:
        yield listener, messages
    finally:
        listener.stop()
        thread.join()


def say(broker: Broker, payload: bytes) -> None:
    with closing(connect_any(settings(broker.port), "test")) as visit:
        visit.publish(TOPIC, payload)


def test_what_is_published_is_heard(broker: Broker) -> None:
    with listening(settings(broker.port)) as (listener, messages):
        assert listener.listening.wait(10)
        say(broker, b"one")
        wait_until(lambda: messages)
    assert messages == [IncomingMessage(TOPIC, b"one", retained=False)]


def test_a_broker_that_returns_is_heard_again_and_both_is_told_once(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Proxy(broker.port) as network, listening(settings(network.port)) as (listener, messages):
        assert listener.listening.wait(10)
        network.cut()
        wait_until(lambda: "connection lost" in caplog.text)
        wait_until(lambda: listener._patience._tries >= 2)  # it tried in vain
        network.open()
        assert listener.listening.wait(10)
        say(broker, b"two")
        wait_until(lambda: messages)
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "INFO"]


def test_a_broker_that_is_absent_is_told_once_and_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    with listening(settings(port)) as (listener, _):
        wait_until(lambda: listener._patience._tries >= 2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"broker {HOST}:{port}: cannot be reached" in caplog.text


def test_a_refusal_is_told_apart_from_an_absence(
    secured: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    with listening(settings(secured.port, user="edge", password=SecretRef(env="PASSWORD"))):
        wait_until(lambda: "refuses this client: Not authorized" in caplog.text)
    assert "guess" not in caplog.text


def test_the_next_address_is_listened_to_where_the_first_is_away(broker: Broker) -> None:
    reached = settings(free_port(), fallbacks=(Address(HOST, broker.port),))
    with listening(reached) as (listener, messages):
        assert listener.listening.wait(10)
        say(broker, b"one")
        wait_until(lambda: messages)


def test_what_fails_in_the_hearer_is_not_taken_for_the_network(broker: Broker) -> None:
    def fail(message: IncomingMessage) -> None:
        raise BrokenPipeError

    def speak() -> None:
        if listener.listening.wait(10):
            say(broker, b"one")

    listener = MqttSubscriber(settings(broker.port), [TOPIC], fail)
    speaker = threading.Thread(target=speak)
    speaker.start()
    with pytest.raises(BrokenPipeError):
        listener.listen()
    speaker.join()
