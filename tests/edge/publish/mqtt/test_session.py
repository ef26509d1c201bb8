import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from edge.commands.embedded_broker import free_port
from edge.errors import EmotiondError
from edge.publish.mqtt.client import (
    BrokerError,
    ConnectionLost,
    ConnectionRefusedByBroker,
    MqttClient,
    NotAnMqttBroker,
)
from edge.publish.mqtt.session import connect_any
from edge.publish.mqtt.settings import Address
from edge.secrets import SecretRef
from tests.brokers import Broker, Mosquitto, wait_until
from tests.edge.publish.mqtt.publishers import settings
from tests.proxy import Proxy
from tests.subscribers import Subscriber

HOST = "127.0.0.1"


def session(port: int, **fields: object) -> MqttClient:
    reached = settings(port, **fields)
    return MqttClient(reached, reached.addresses[0], "test")


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


def test_what_is_published_comes_to_its_subscribers(broker: Broker) -> None:
    with closing(session(broker.port)) as publisher, closing(session(broker.port)) as subscriber:
        publisher.connect()
        subscriber.connect()
        subscriber.subscribe(["emotiond/test/one", "emotiond/+/two"])
        for topic in ("one", "two", "three"):
            publisher.publish_and_wait(f"emotiond/test/{topic}", topic.encode())
        assert subscriber.wait(lambda: len(subscriber.incoming) == 2, 5)
    assert [message.payload for message in subscriber.incoming] == [b"one", b"two"]
    assert subscriber.incoming[0].topic == "emotiond/test/one"
    assert not subscriber.incoming[0].retain


def test_what_was_published_retained_stays_after_the_session(broker: Broker) -> None:
    with closing(session(broker.port)) as publisher:
        publisher.connect()
        publisher.publish_and_wait("kept", b"kept", retain=True)
    with Subscriber(HOST, broker.port) as subscriber:
        wait_until(lambda: ("kept", "kept", True) in subscriber.messages)


def test_several_sessions_at_a_time_do_not_end_each_other(broker: Broker) -> None:
    with closing(session(broker.port)) as first, closing(session(broker.port)) as second:
        first.connect()
        second.connect()
        first.publish_and_wait("emotiond/test/one", b"1")
        second.publish_and_wait("emotiond/test/one", b"2")


def test_a_wait_ends_after_its_time(broker: Broker) -> None:
    with closing(session(broker.port)) as here:
        here.connect()
        assert not here.wait(lambda: False, 0.3)


def test_no_server_is_a_broker_that_cannot_be_reached() -> None:
    with pytest.raises(BrokerError, match=r"cannot be reached: .* Connection refused"):
        session(free_port()).connect()


def test_a_server_that_hangs_up_at_once_is_no_broker() -> None:
    with stranger(hangs_up=True) as port, pytest.raises(NotAnMqttBroker, match="before it answers"):
        session(port).connect()


def test_a_server_that_never_answers_is_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.publish.mqtt.client.CONNECT_TIMEOUT", 0.3)
    with (
        stranger(hangs_up=False) as port,
        pytest.raises(NotAnMqttBroker, match="does not answer in time"),
    ):
        session(port).connect()


def test_a_broker_without_websockets_is_an_error_that_says_so(
    needs_mosquitto: None, broker: Broker
) -> None:
    with pytest.raises(NotAnMqttBroker, match="are websockets spoken there"):
        session(broker.port, transport="websockets").connect()


def test_a_wrong_password_is_a_refusal(secured: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    wrong = session(secured.port, user="edge", password=SecretRef(env="PASSWORD"))
    with pytest.raises(ConnectionRefusedByBroker, match="Not authorized"):
        wrong.connect()


def test_mqtt_5_tells_what_a_client_may_not_publish(tmp_path: Path, needs_mosquitto: None) -> None:
    access = tmp_path / "acl"
    access.write_text("topic read emotiond/test/#\n")
    lines = f"allow_anonymous true\nacl_file {access}"
    with Mosquitto(tmp_path, lines) as broker, closing(session(broker.port, protocol=5)) as here:
        here.connect()
        with pytest.raises(
            ConnectionRefusedByBroker, match="may not publish on emotiond/test/x: Not authorized"
        ):
            here.publish_and_wait("emotiond/test/x", b"")


def test_a_broker_that_goes_away_is_a_lost_connection(broker: Broker) -> None:
    with Proxy(broker.port) as network, closing(session(network.port)) as here:
        here.connect()
        network.cut()
        with pytest.raises(ConnectionLost, match="connection lost"):
            here.publish_and_wait("emotiond/test/x", b"")


def test_a_broker_that_does_not_answer_any_more_is_a_lost_connection(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.publish.mqtt.client.ANSWER_TIMEOUT", 0.3)
    with Proxy(broker.port) as network, closing(session(network.port)) as here:
        here.connect()
        network.freeze()
        with pytest.raises(ConnectionLost, match="does not answer"):
            here.subscribe(["emotiond/test/x"])


def test_the_first_broker_that_lets_the_client_in_is_taken(broker: Broker) -> None:
    fallbacks = (Address(HOST, broker.port), Address(HOST, free_port()))
    with closing(connect_any(settings(free_port(), fallbacks=fallbacks), "test")) as here:
        assert here.address == fallbacks[0]
        here.publish_and_wait("emotiond/test/x", b"")


def test_if_none_does_one_line_says_what_came_of_each(secured: Mosquitto) -> None:
    nobody = settings(free_port(), fallbacks=(Address(HOST, secured.port),))
    with pytest.raises(EmotiondError) as caught:
        connect_any(nobody, "test")
    first, second = str(caught.value).split("; broker ")
    assert first.startswith(f"broker {nobody.addresses[0]}: cannot be reached: ")
    assert second.startswith(f"{HOST}:{secured.port}: refuses this client: Not authorized")
    assert "\n" not in str(caught.value)
