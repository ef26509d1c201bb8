"""How a broker is found, trusted and lost; on real brokers."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from edge.commands.embedded_broker import free_port
from edge.errors import ConfigError
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.publisher import MqttPublisher
from edge.publish.mqtt.settings import Address, MqttSettings, TlsSettings
from edge.publish.sink import SinkContext
from edge.secrets import SecretRef
from edge.types import SinkRecord
from tests.brokers import Broker, Mosquitto, listens, wait_until
from tests.certificates import Authority
from tests.edge.publish.mqtt.publishers import ROOT, Publish, publishing, settings
from tests.events import event
from tests.proxy import Proxy
from tests.subscribers import Subscriber


@pytest.fixture
def publish(tmp_path: Path) -> Iterator[Publish]:
    with publishing(tmp_path) as start:
        yield start


def password(folder: Path, text: str) -> SecretRef:
    (folder / "secret").write_text(text)
    return SecretRef(file=folder / "secret")


def test_an_unreachable_broker_is_logged_once(
    publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    publish(free_port())
    wait_until(lambda: caplog.records)
    time.sleep(2.5)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot be reached: [Errno 111] Connection refused; events are kept" in caplog.text


def test_a_server_that_is_no_broker_is_logged_once(
    publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    def hang_up() -> None:
        with suppress(OSError):
            while True:
                server.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, daemon=True).start()
        publish(server.getsockname()[1])
        wait_until(lambda: "is it MQTT?" in caplog.text)
        time.sleep(2)
    assert caplog.text.count("is it MQTT?") == 1


def test_a_server_that_never_answers_is_logged_and_delays_no_event(
    publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = publish(server.getsockname()[1])
        sink.publish(event())
        assert sink.flush(10)
        wait_until(lambda: "does not answer in time; is it MQTT?" in caplog.text)


def test_the_first_address_that_answers_is_taken_and_the_next_when_it_is_lost(
    broker: Broker, publish: Publish, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "second").mkdir()
    second = type(broker)(tmp_path / "second") if isinstance(broker, Mosquitto) else type(broker)()
    absent = free_port()
    fallbacks = (Address("127.0.0.1", broker.port), Address("127.0.0.1", second.port))
    with second:
        sink = publish(absent, fallbacks=fallbacks)
        wait_until(lambda: f"broker 127.0.0.1:{broker.port}: connected" in caplog.text)
        broker.kill()
        sink.publish(event())
        wait_until(lambda: f"broker 127.0.0.1:{second.port}: connected" in caplog.text)
        wait_until(lambda: not sink.waiting)
    assert caplog.text.count(f"broker 127.0.0.1:{absent}: cannot be reached") == 1


def test_a_password_is_accepted(secured: Mosquitto, publish: Publish, tmp_path: Path) -> None:
    with Subscriber(secured.host, secured.port, "edge", "secret") as subscriber:
        sink = publish(secured.port, user="edge", password=password(tmp_path, "secret\n"))
        sink.publish(event())
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"))


def test_a_user_can_be_a_secret_as_well(
    secured: Mosquitto, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_USER", "edge")
    with Subscriber(secured.host, secured.port, "edge", "secret") as subscriber:
        publish(
            secured.port, user=SecretRef(env="MQTT_USER"), password=password(tmp_path, "secret")
        )
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability"))


@pytest.mark.parametrize("protocol", ["3.1.1", 5])
def test_a_wrong_password_is_logged_otherwise_than_an_unreachable_broker(
    secured: Mosquitto,
    publish: Publish,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    protocol: object,
) -> None:
    secret = password(tmp_path, "guess")
    publish(secured.port, user="edge", password=secret, protocol=protocol)
    wait_until(lambda: "refuses this client: Not authorized; check user, password" in caplog.text)
    assert "guess" not in caplog.text


def test_tls_is_used_and_an_unknown_authority_is_not_trusted(
    needs_mosquitto: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("broker")
    lines = f"allow_anonymous true\ncertfile {certificate}\nkeyfile {key}"
    caplog.set_level(logging.INFO)
    with Mosquitto(tmp_path, lines) as broker, publishing(tmp_path) as publish:
        publish(broker.port, tls=TlsSettings(ca_file=authority.certificate))
        wait_until(lambda: "connected" in caplog.text)
    with Mosquitto(tmp_path, lines) as broker, publishing(tmp_path) as publish:
        publish(broker.port, tls=TlsSettings())
        wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)


def test_a_client_certificate_is_accepted_and_none_is_not(
    needs_mosquitto: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("broker")
    lines = (
        f"certfile {certificate}\nkeyfile {key}\ncafile {authority.certificate}\n"
        "require_certificate true\nuse_identity_as_username true"
    )
    mine, my_key = authority.sign("test")
    caplog.set_level(logging.INFO)
    with Mosquitto(tmp_path, lines) as broker:
        with publishing(tmp_path) as publish:
            tls = TlsSettings(authority.certificate, mine, my_key)
            sink = publish(broker.port, tls=tls)
            sink.publish(event())
            wait_until(lambda: sink.connected and not sink.waiting)
        with publishing(tmp_path) as publish:
            publish(broker.port, tls=TlsSettings(authority.certificate))
            wait_until(lambda: "WARNING" in {record.levelname for record in caplog.records})


@pytest.mark.parametrize("protocol", ["3.1.1", 5])
def test_websockets_are_used_if_wanted(
    needs_mosquitto: None, tmp_path: Path, publish: Publish, protocol: object
) -> None:
    plain = free_port()
    lines = f"protocol websockets\nallow_anonymous true\nlistener {plain} 127.0.0.1"
    with Mosquitto(tmp_path, lines) as broker, ExitStack() as stack:
        wait_until(lambda: listens(plain))
        subscriber = stack.enter_context(Subscriber("127.0.0.1", plain))
        sink = publish(broker.port, transport="websockets", protocol=protocol)
        sink.publish(event())
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"))


def test_a_broker_without_websockets_is_logged(
    needs_mosquitto: None, broker: Broker, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    publish(broker.port, transport="websockets")
    wait_until(lambda: "are websockets spoken there?" in caplog.text)


def test_events_that_a_broker_refuses_stay_in_the_outbox_and_are_offered_again(
    needs_mosquitto: None,
    tmp_path: Path,
    publish: Publish,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.publish.mqtt.publisher.REJECTED_RETRY_SECONDS", 0.5)
    caplog.set_level(logging.INFO)
    rights = tmp_path / "acl"
    rights.write_text("topic read #\ntopic write emotiond/test/availability\ntopic write mark\n")
    lines = f"allow_anonymous true\nacl_file {rights}"
    with Mosquitto(tmp_path, lines) as broker:
        sink = publish(broker.port, protocol=5)
        first, second = event(), event()
        sink.publish(first)
        sink.publish(second)
        wait_until(lambda: "does not take events: Not authorized" in caplog.text)
        time.sleep(1.2)
        assert (sink.waiting, sink.connected) == (2, True)
        rights.write_text("topic readwrite #\n")
        with Subscriber(broker.host, broker.port) as subscriber:
            broker.reload()
            wait_until(lambda: not sink.waiting)
            subscriber.catch_up()
            ids = [one["id"] for one in subscriber.payloads(f"{ROOT}/event")]
    assert list(dict.fromkeys(ids)) == [first.id, second.id]
    assert caplog.text.count("does not take events") == 1
    assert caplog.text.count("takes events again") == 1


def test_a_client_that_is_disconnected_again_and_again_waits_longer_and_longer(
    publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    welcome = bytes([0x20, 2, 0, 0])  # CONNACK, and then the line is cut
    connects: list[float] = []

    def throw_out() -> None:
        with suppress(OSError):
            while True:
                client = server.accept()[0]
                connects.append(time.monotonic())
                client.recv(4096)
                client.sendall(welcome)
                client.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=throw_out, daemon=True).start()
        publish(server.getsockname()[1])
        wait_until(lambda: len(connects) == 5)
    assert connects[4] - connects[3] > connects[1] - connects[0]


def test_a_broker_that_allows_no_subscription_gets_events_all_the_same(
    needs_mosquitto: None, tmp_path: Path, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    rights = tmp_path / "acl"
    rights.write_text("topic write emotiond/test/#\n")
    lines = f"allow_anonymous true\nacl_file {rights}"
    with Mosquitto(tmp_path, lines) as broker:
        sink = publish(broker.port)
        sink.publish(event())
        wait_until(lambda: sink.connected and not sink.waiting)


class Talker(MqttPublisher):
    """A publisher of what it is told to, and of no records."""

    def publish(self, record: SinkRecord) -> None:
        raise AssertionError("nobody gives it any")


@contextmanager
def running(port: int, folder: Path) -> Iterator[MqttPublisher]:
    """Run a publisher of its own, with an outbox in `folder`."""
    reached = settings(port, keepalive_s=5)
    publisher = Talker(reached, SinkContext(folder / "outbox.sqlite"))
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.close(0.1)


def test_of_a_retained_topic_the_newest_payload_is_published_once(
    broker: Broker, tmp_path: Path
) -> None:
    network = Proxy(broker.port)  # not open yet
    with Subscriber(broker.host, broker.port) as subscriber, running(network.port, tmp_path) as one:
        one.publish_retained("a", b"old")
        one.publish_retained("a", b"new", qos=1)
        with network:
            wait_until(lambda: subscriber.payloads("a"))
            one.publish_retained("a", b"new", qos=1)  # nothing changed
            one.publish_retained("b", b"mark")
            wait_until(lambda: subscriber.payloads("b"))
            assert subscriber.payloads("a") == ["new"]
    with Subscriber(broker.host, broker.port) as late:
        late.catch_up()
        assert ("a", "new", True) in late.messages


def test_a_broker_that_is_found_again_gets_every_retained_topic_in_their_first_order(
    broker: Broker, tmp_path: Path
) -> None:
    topics = ["c", "a", "b"]
    with (
        Proxy(broker.port) as network,
        running(network.port, tmp_path) as publisher,
        Subscriber(broker.host, broker.port) as subscriber,
    ):
        for topic in topics:
            publisher.publish_retained(topic, topic.encode())
        wait_until(lambda: subscriber.payloads("b"))
        network.cut()
        publisher.publish_retained("b", b"newer")
        network.open()
        wait_until(lambda: subscriber.payloads("b")[-1] == "newer")
        received = [(name, text) for name, text, _ in subscriber.messages if name in topics]
    assert received[-3:] == [("c", "c"), ("a", "a"), ("b", "newer")]


def test_a_broker_that_reads_nothing_is_handed_no_more_than_it_takes(tmp_path: Path) -> None:
    """What waits for a stalled connection is bounded: paho alone would queue without end."""
    accepted: list[socket.socket] = []

    def accept() -> None:
        client = server.accept()[0]
        client.recv(4096)
        client.sendall(bytes([0x20, 2, 0, 0]))  # CONNACK, and then nothing is read any more
        accepted.append(client)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        with running(server.getsockname()[1], tmp_path) as publisher:
            wait_until(lambda: publisher.connected)
            for number in range(400):
                publisher.publish_message(MqttMessage("log", b"x" * 100_000))
                publisher.publish_retained("state", b"%d" % number * 10_000)
                time.sleep(0.002)
            client = publisher._client
            assert client is not None
            assert len(client._paho._out_packet) <= 2
            assert len(publisher._messages) == 100
    for client_socket in accepted:
        client_socket.close()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"user": "me", "password": SecretRef(file=Path("/none"))},
            "/none: the secret cannot be read",
        ),
        ({"tls": TlsSettings(ca_file=Path("/none.pem"))}, "cannot use /none.pem: .*No such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_before_anything_starts(
    fields: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        settings(1883, **fields).open(SinkContext(tmp_path / "box"))


def test_a_broker_is_named_by_host_and_port_in_the_order_it_is_tried() -> None:
    found = MqttSettings(host="a.local", fallbacks=(Address("b.local", 1884),)).addresses
    assert [str(address) for address in found] == ["a.local:1883", "b.local:1884"]
