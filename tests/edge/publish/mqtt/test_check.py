"""What doctor tells of the brokers of an MQTT sink; on real brokers."""

import socket
import subprocess
from pathlib import Path

import pytest

from edge.commands.embedded_broker import free_port
from edge.errors import CheckResult, Level
from edge.publish.mqtt.settings import Address, TlsSettings
from edge.secrets import SecretRef
from tests.brokers import Broker, Mosquitto
from tests.edge.doctor.results import listed
from tests.edge.publish.mqtt.publishers import settings
from tests.edge.publish.mqtt.test_session import stranger
from tests.subscribers import Subscriber

HOST = "127.0.0.1"
TOPIC = "emotiond/test/response/doctor"


def broker_results(port: int, **fields: object) -> list[CheckResult]:
    return listed(settings(port, **fields).check())


def broker_failure(port: int, **fields: object) -> CheckResult:
    """Return the only result, which is a failure."""
    (result,) = broker_results(port, **fields)
    assert result.level is Level.FAILURE
    return result


def test_a_broker_that_lets_the_device_in_and_passes_on_what_it_says_is_ok(broker: Broker) -> None:
    with Subscriber(broker.host, broker.port) as subscriber:  # which knows what may be said
        first, second = broker_results(broker.port)
        subscriber.catch_up()
    assert [topic for topic, *_ in subscriber.messages] == [TOPIC]
    assert (first.level, second.level) == (Level.OK, Level.OK)
    assert first.subject == f"broker {HOST}:{broker.port}"
    assert f"tried on {TOPIC}" in second.text


def test_a_host_that_no_name_server_knows_is_told_so() -> None:
    result = broker_failure(1883, host="no-such-host.invalid")
    assert "check `host`, and whether this machine can resolve names" in str(result)


def test_a_port_that_nobody_listens_on_is_told_so() -> None:
    result = broker_failure(free_port())
    assert "cannot be reached" in result.text
    assert "start the broker" in str(result)


def test_a_host_that_does_not_answer_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.publish.mqtt.client.CONNECT_TIMEOUT", 0.3)
    with socket.socket() as full, socket.socket() as first:
        full.bind((HOST, 0))
        full.listen(0)
        first.connect(full.getsockname())  # the one that may wait
        result = broker_failure(full.getsockname()[1])
    assert "cannot be reached: timed out" in result.text
    assert "firewalls" in str(result)


@pytest.mark.parametrize("hangs_up", [True, False])
def test_who_speaks_no_mqtt_is_told_so(hangs_up: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.publish.mqtt.client.CONNECT_TIMEOUT", 0.3)
    with stranger(hangs_up) as port:
        result = broker_failure(port)
    assert "is it MQTT?" in result.text
    assert "check `port`, `transport` and `tls`" in str(result)


def test_a_wrong_password_is_a_refusal_and_never_shown(
    secured: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "guess")
    result = broker_failure(secured.port, user="edge", password=SecretRef(env="PASSWORD"))
    assert "refuses this client: Not authorized" in result.text
    assert "guess" not in str(result)


def test_the_right_password_is_ok(secured: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")
    results = broker_results(secured.port, user="edge", password=SecretRef(env="PASSWORD"))
    assert [result.level for result in results] == [Level.OK, Level.OK]


def test_a_secret_that_is_not_there_is_a_failure_before_anybody_is_called() -> None:
    result = broker_failure(free_port(), user="edge", password=SecretRef(file=Path("/none")))
    assert "/none: the secret cannot be read" in result.text


def test_a_certificate_that_is_not_trusted_is_told_apart(
    needs_mosquitto: None, tmp_path: Path
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
        result = broker_failure(broker.port, tls=TlsSettings())
        assert "CERTIFICATE_VERIFY_FAILED" in result.text
        assert "the authority that signed it" in str(result)
        trusted = broker_results(broker.port, tls=TlsSettings(ca_file=certificate))
        assert [one.level for one in trusted] == [Level.OK, Level.OK]
        assert "check `port`, `transport` and `tls`" in str(broker_failure(broker.port))


def test_a_port_without_tls_is_told_so(broker: Broker) -> None:
    assert "`tls`" in str(broker_failure(broker.port, tls=TlsSettings()))


@pytest.mark.parametrize("protocol", ["3.1.1", 5])
@pytest.mark.parametrize("right", ["read", "write"])
def test_an_access_list_that_denies_is_found_out_even_where_the_broker_keeps_silent(
    needs_mosquitto: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    right: str,
    protocol: object,
) -> None:
    monkeypatch.setattr("edge.publish.mqtt.session.ECHO_SECONDS", 0.5)
    access = tmp_path / "acl"
    access.write_text(f"topic {right} emotiond/test/#\n")
    with Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {access}") as broker:
        let_in, denied = broker_results(broker.port, protocol=protocol)
    assert let_in.level is Level.OK
    assert denied.level is Level.FAILURE
    assert TOPIC in denied.text


def test_where_another_address_stands_in_an_absent_broker_is_a_warning(broker: Broker) -> None:
    absent = free_port()
    first, *others = broker_results(absent, fallbacks=(Address(HOST, broker.port),))
    assert first.level is Level.WARNING
    assert first.subject == f"broker {HOST}:{absent}"
    assert [result.level for result in others] == [Level.OK, Level.OK]


def test_where_none_stands_in_each_is_a_failure() -> None:
    results = broker_results(free_port(), fallbacks=(Address(HOST, free_port()),))
    assert [result.level for result in results] == [Level.FAILURE, Level.FAILURE]
