import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from edge.commands.embedded_broker import free_port
from edge.errors import EmotiondError
from edge.publish.mqtt.client import ConnectionLost, ConnectionRefusedByBroker, NotAnMqttBroker
from edge.publish.mqtt.message import IncomingMessage
from edge.publish.mqtt.settings import Address, MqttSettings, Transport
from edge.publish.mqtt.subscriber import MqttSession, MqttSubscriber, connect_any
from edge.secrets import SecretRef
from tests.brokers import Broker, Mosquitto, wait_until
from tests.proxy import Proxy
from tests.subscribers import Subscriber

HOST = "127.0.0.1"
TOPIC = "emotiond/test/event"


def settings(port: int, **fields: object) -> MqttSettings:
    return MqttSettings(**{"host": HOST, "port": port, "device": "test", **fields})  # type: ignore[arg-type]


def session(port: int, **fields: object) -> MqttSession:
    reached = settings(port, **fields)
    return MqttSession(reached, reached.addresses[0], "test")


@contextmanager
def stranger(hangs_up: bool) -> Iterator[int]:
    """Give the port of a server that lets everybody in and says nothing."""
    let_in: list[socket.socket] = []

    def let() -> None:
        with suppress(OSError):
            while True:
                client = server.accept()[0]
                if hangs_up:
                    client.close()
                else:
                    let_in.append(client)

    with socket.create_server((HOST, 0)) as server:
        threading.Thread(target=let, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    for client in let_in:
        client.close()


def test_what_is_published_is_heard_by_whoever_asked_for_it(broker: Broker) -> None:
    with closing(session(broker.port)) as speaker, closing(session(broker.port)) as hearer:
        speaker.open()
        hearer.open()
        hearer.subscribe(["emotiond/test/one", "emotiond/+/two"])
        for topic in ("one", "two", "three"):
            speaker.publish(f"emotiond/test/{topic}", topic.encode())
        assert hearer.wait(lambda: len(hearer.received) == 2, 5)
    assert [message.payload for message in hearer.received] == [b"one", b"two"]
    assert hearer.received[0].topic == "emotiond/test/one"
    assert not hearer.received[0].retained


def test_what_was_published_retained_stays_when_the_session_has_ended(broker: Broker) -> None:
    with closing(session(broker.port)) as speaker:
        speaker.open()
        speaker.publish("kept", b"kept", retain=True)
    with Subscriber(HOST, broker.port) as subscriber:
        wait_until(lambda: ("kept", "kept", True) in subscriber.messages)


def test_several_sessions_at_a_time_do_not_end_each_other(broker: Broker) -> None:
    with closing(session(broker.port)) as first, closing(session(broker.port)) as second:
        first.open()
        second.open()
        first.publish("emotiond/test/one", b"1")
        second.publish("emotiond/test/one", b"2")


def test_a_wait_ends_after_its_time(broker: Broker) -> None:
    with closing(session(broker.port)) as here:
        here.open()
        assert not here.wait(lambda: False, 0.3)


def test_nobody_there_is_an_os_error() -> None:
    with pytest.raises(ConnectionRefusedError):
        session(free_port()).open()


def test_whoever_hangs_up_at_once_is_no_broker() -> None:
    with stranger(hangs_up=True) as port, pytest.raises(NotAnMqttBroker, match="before it answers"):
        session(port).open()


def test_whoever_keeps_silent_is_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.publish.mqtt.client.DIAL_SECONDS", 0.3)
    with (
        stranger(hangs_up=False) as port,
        pytest.raises(NotAnMqttBroker, match="does not answer in time"),
    ):
        session(port).open()


def test_whoever_speaks_no_websockets_is_told_so(needs_mosquitto: None, broker: Broker) -> None:
    with pytest.raises(NotAnMqttBroker, match="are websockets spoken there"):
        session(broker.port, transport=Transport.WEBSOCKETS).open()


def test_a_wrong_password_is_a_refusal(secured: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    wrong = session(secured.port, user="edge", password=SecretRef(env="PASSWORD"))
    with pytest.raises(ConnectionRefusedByBroker, match="Not authorized"):
        wrong.open()


def test_mqtt_5_tells_what_the_client_may_not_publish(
    tmp_path: Path, needs_mosquitto: None
) -> None:
    access = tmp_path / "acl"
    access.write_text("topic read emotiond/test/#\n")
    lines = f"allow_anonymous true\nacl_file {access}"
    with Mosquitto(tmp_path, lines) as broker, closing(session(broker.port, protocol=5)) as here:
        here.open()
        with pytest.raises(
            ConnectionRefusedByBroker, match="may not publish on emotiond/test/x: Not authorized"
        ):
            here.publish("emotiond/test/x", b"")


def test_a_broker_that_goes_away_is_gone(broker: Broker) -> None:
    with Proxy(broker.port) as network, closing(session(network.port)) as here:
        here.open()
        network.cut()
        with pytest.raises(ConnectionLost, match="connection lost"):
            here.publish("emotiond/test/x", b"")


def test_a_broker_that_says_nothing_any_more_is_gone(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.publish.mqtt.subscriber.ANSWER_SECONDS", 0.3)
    with Proxy(broker.port) as network, closing(session(network.port)) as here:
        here.open()
        network.freeze()
        with pytest.raises(ConnectionLost, match="does not answer"):
            here.subscribe(["emotiond/test/x"])


def test_a_call_is_made_on_the_first_broker_that_lets_the_caller_in(broker: Broker) -> None:
    fallbacks = (Address(HOST, broker.port), Address(HOST, free_port()))
    with closing(connect_any(settings(free_port(), fallbacks=fallbacks), "test")) as here:
        assert here.address == fallbacks[0]
        here.publish("emotiond/test/x", b"")


def test_where_none_does_all_answers_are_told_in_one_line(secured: Mosquitto) -> None:
    nobody = settings(free_port(), fallbacks=(Address(HOST, secured.port),))
    with pytest.raises(EmotiondError) as caught:
        connect_any(nobody, "test")
    first, second = str(caught.value).split("; broker ")
    assert first.startswith(f"broker {nobody.addresses[0]}: cannot be reached: ")
    assert second.startswith(f"{HOST}:{secured.port}: refuses this client: Not authorized")
    assert "\n" not in str(caught.value)


@contextmanager
def listening(reached: MqttSettings) -> Iterator[tuple[MqttSubscriber, list[IncomingMessage]]]:
    messages: list[IncomingMessage] = []
    subscriber = MqttSubscriber(reached, [TOPIC], messages.append)
    thread = threading.Thread(target=subscriber.run)
    thread.start()
    try:
        yield subscriber, messages
    finally:
        subscriber.stop()
        thread.join()


def say(broker: Broker, payload: bytes) -> None:
    with closing(connect_any(settings(broker.port), "test")) as speaker:
        speaker.publish(TOPIC, payload)


def test_what_is_published_is_heard(broker: Broker) -> None:
    with listening(settings(broker.port)) as (subscriber, messages):
        assert subscriber.subscribed.wait(10)
        say(broker, b"one")
        wait_until(lambda: messages)
    assert messages == [IncomingMessage(TOPIC, b"one", retained=False)]


def test_a_broker_that_returns_is_heard_again_and_both_is_told_once(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Proxy(broker.port) as network, listening(settings(network.port)) as (subscriber, messages):
        assert subscriber.subscribed.wait(10)
        network.cut()
        wait_until(lambda: "connection lost" in caplog.text)
        wait_until(lambda: subscriber._backoff._tries >= 2)  # it tried in vain
        network.open()
        assert subscriber.subscribed.wait(10)
        say(broker, b"two")
        wait_until(lambda: messages)
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "INFO"]


def test_a_broker_that_is_absent_is_told_once_and_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    with listening(settings(port)) as (subscriber, _):
        wait_until(lambda: subscriber._backoff._tries >= 2)
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
    with listening(reached) as (subscriber, messages):
        assert subscriber.subscribed.wait(10)
        say(broker, b"one")
        wait_until(lambda: messages)


def test_what_fails_in_the_hearer_is_not_taken_for_the_network(broker: Broker) -> None:
    def fail(message: IncomingMessage) -> None:
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
