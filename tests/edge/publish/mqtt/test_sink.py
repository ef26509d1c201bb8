import logging
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from edge.demo.broker import free_port
from edge.errors import ConfigError
from edge.publish.broker import MqttSettings, TlsSettings
from edge.publish.mqtt import MqttSink
from edge.records import EventType
from tests.brokers import Broker, Mosquitto, wait_until
from tests.events import event
from tests.proxy import Proxy
from tests.subscribers import Subscriber

ROOT = "emotiond/test"


def settings(port: int, **fields: object) -> MqttSettings:
    return MqttSettings(**{"host": "127.0.0.1", "port": port, "device": "test", **fields})  # type: ignore[arg-type]


def started(port: int, **fields: object) -> MqttSink:
    sink = MqttSink(settings(port, **fields))
    sink.start()
    return sink


def test_events_arrive_whole_in_order_and_not_retained(broker: Broker) -> None:
    events = [event(track_id=number) for number in range(1, 101)]
    with Subscriber(broker.host, broker.port) as subscriber:
        sink = started(broker.port)
        for one in events:
            sink.publish(one)
        sink.close(5)
        wait_until(lambda: len(subscriber.payloads(f"{ROOT}/event")) == 100)
        payloads = subscriber.payloads(f"{ROOT}/event")
    assert [payload["id"] for payload in payloads] == [one.id for one in events]
    assert sink.dropped == 0
    with Subscriber(broker.host, broker.port) as late:
        wait_until(lambda: late.payloads(f"{ROOT}/availability"))
        assert late.payloads(f"{ROOT}/event") == []


def test_state_and_availability_are_retained_for_late_comers(broker: Broker) -> None:
    sink = started(broker.port)
    sink.publish(event(EventType.START))
    with Subscriber(broker.host, broker.port) as subscriber:
        wait_until(lambda: (f"{ROOT}/availability", "online", True) in late(broker))
        wait_until(lambda: subscriber.payloads(f"{ROOT}/state")[-1:] == [HAPPY])
    sink.close(5)
    assert (f"{ROOT}/availability", "offline", True) in late(broker)


HAPPY = {"faces": 1, "emotion": "happy", "confidence": 0.8}


def late(broker: Broker) -> list[tuple[str, object, bool]]:
    """Return what is retained."""
    with Subscriber(broker.host, broker.port) as subscriber:
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability"))
        time.sleep(0.1)
        return list(subscriber.messages)


def test_a_process_that_dies_is_announced_offline_by_its_last_will(broker: Broker) -> None:
    program = (
        "import time; from edge.publish.broker import MqttSettings; from edge.publish.mqtt import MqttSink; "
        f"sink = MqttSink(MqttSettings(host='127.0.0.1', port={broker.port}, device='test')); "
        "sink.start(); time.sleep(60)"
    )
    with Subscriber(broker.host, broker.port) as subscriber:
        process = subprocess.Popen([sys.executable, "-c", program])
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability") == ["online"])
        process.kill()
        process.wait()
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability")[-1] == "offline")


def test_what_happens_while_the_broker_is_away_is_delivered_when_it_returns(
    broker: Broker,
) -> None:
    with Proxy(broker.port) as network:
        sink = started(network.port)
        wait_until(lambda: (f"{ROOT}/availability", "online", True) in late(broker))
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
        assert (f"{ROOT}/availability", "online", True) in late(broker)
        sink.close(5)
    assert sink.dropped == 0


def test_what_was_not_acknowledged_is_sent_again_and_first(broker: Broker) -> None:
    with Proxy(broker.port) as network, Subscriber(broker.host, broker.port) as subscriber:
        sink = started(network.port)
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
        sink.close(20)
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event")[-1]["track_id"] == 1000)
        received = [payload["track_id"] for payload in subscriber.payloads(f"{ROOT}/event")]
    assert list(dict.fromkeys(received)) == list(range(1, 1001))
    assert sink.dropped == 0


def test_a_connection_that_died_unnoticed_leaves_no_false_offline(broker: Broker) -> None:
    with Proxy(broker.port) as network, Subscriber(broker.host, broker.port) as subscriber:
        sink = started(network.port, keepalive=5)
        wait_until(lambda: subscriber.payloads(f"{ROOT}/availability") == ["online"])
        # The client's side ends; the broker's stays open and silent, as behind a lost router.
        network.orphan()
        wait_until(lambda: len(subscriber.payloads(f"{ROOT}/availability")) >= 2)
        time.sleep(9)  # longer than the broker waits for a silent client
        assert subscriber.payloads(f"{ROOT}/availability")[-1] == "online"
        sink.close(5)


def test_what_listens_but_is_no_broker_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def hang_up() -> None:
        with suppress(OSError):
            while True:
                server.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, daemon=True).start()
        sink = started(server.getsockname()[1])
        wait_until(lambda: "is it MQTT?" in caplog.text)
        time.sleep(2)
        sink.close(1)
    assert caplog.text.count("is it MQTT?") == 1


def test_a_sender_that_fails_is_not_kept_secret(broker: Broker) -> None:
    sink = started(broker.port)
    sink.publish(event(box=None))
    wait_until(lambda: not sink._sender.alive)
    with pytest.raises(AttributeError):
        sink.publish(event())
    sink.close(1)


def test_beyond_its_bound_the_queue_drops_the_oldest_and_counts_them() -> None:
    sink = started(free_port(), queue=10)
    for number in range(1, 31):
        sink.publish(event(track_id=number))
    assert sink.dropped == 20
    sink.close(0.2)
    assert sink.dropped == 30


def test_a_broker_that_is_absent_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sink = started(free_port())
    wait_until(lambda: caplog.records)
    time.sleep(2.5)
    sink.close(5)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot be reached" in caplog.text


def test_a_password_opens_the_door(secured: Mosquitto, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    with Subscriber(secured.host, secured.port, "edge", "secret") as subscriber:
        sink = started(secured.port, user="edge", password_file=password)
        sink.publish(event())
        wait_until(lambda: subscriber.payloads(f"{ROOT}/event"))
        sink.close(5)


def test_a_wrong_password_is_told_apart_from_an_absent_broker(
    secured: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password = tmp_path / "password"
    password.write_text("guess")
    sink = started(secured.port, user="edge", password_file=password)
    wait_until(lambda: "refuses this client: Not authorized" in caplog.text)
    sink.close(5)
    assert "guess" not in caplog.text


def test_tls_is_spoken_and_a_stranger_is_not_trusted(
    needs_mosquitto: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 2 "
        "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1",
        shell=True,
        check=True,
        capture_output=True,
    )
    lines = f"allow_anonymous true\ncertfile {certificate}\nkeyfile {key}"
    with Mosquitto(tmp_path, lines) as broker:
        caplog.set_level(logging.INFO)
        trusting = started(broker.port, tls=TlsSettings(ca_file=certificate))
        wait_until(trusting._client.is_connected)
        trusting.close(5)
        wary = started(broker.port, tls=TlsSettings())
        wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
        wary.close(5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"user": "me", "password_file": Path("/none")}, "/none: the password cannot be read"),
        ({"tls": TlsSettings(ca_file=Path("/none.pem"))}, "cannot use /none.pem: .*No such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_before_anything_starts(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        MqttSink(settings(1883, **fields))


def test_the_default_device_is_the_hosts_name_made_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "pi 4/küche#")
    assert MqttSettings().root == "emotiond/pi-4-k-che"
