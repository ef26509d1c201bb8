"""Checks of the brokers of an MQTT sink: who is there, who lets this device in, what it may do."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from secrets import token_hex

from edge.check_result import CheckResult, Level, failure, ok
from edge.errors import ConfigError
from edge.publish.mqtt.client import (
    ConnectionLost,
    ConnectionRefusedByBroker,
    NotAnMqttBroker,
    format_error,
)
from edge.publish.mqtt.session import MqttSession
from edge.publish.mqtt.settings import Address, MqttSettings

ECHO_SECONDS = 3.0
"""How long a message may take to the broker and back."""

HUNG_UP_REMEDY = (
    "check `port`, `transport` and `tls`; some brokers also hang up on clients that show no "
    "certificate"
)

BROKER_REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedByBroker, "look into the broker's log for its reason"),
    (NotAnMqttBroker, HUNG_UP_REMEDY),
    (ConnectionResetError, HUNG_UP_REMEDY),
    (ConnectionLost, "try again, and look into the broker's log"),
    (socket.gaierror, "check `host`, and whether this machine can resolve names"),
    (ConnectionRefusedError, "start the broker, or check `host` and `port`"),
    (
        ssl.SSLCertVerificationError,
        "let `tls: {ca_file: ...}` name the authority that signed it, and `host` the name in it",
    ),
    (ssl.SSLError, "check `port` and `tls`; not every port speaks TLS"),
    # Also from one who waits for the other to say something he understands.
    (
        TimeoutError,
        "check `host`, `port`, `transport` and `tls`, the network, and the firewalls on the way",
    ),
    (OSError, "check `host` and `port`, the network, and the firewalls on the way"),
)
"""What to do about each error; of several that fit, the first."""


def check_brokers(settings: MqttSettings) -> Iterator[CheckResult]:
    """Check each address of one MQTT sink.

    Where one of them works, what fails at the others is a warning: it stands in for them.
    """
    results = [list(_check_broker(settings, address)) for address in settings.addresses]
    one_works = any(all(one.level is Level.OK for one in of_broker) for of_broker in results)
    for result in (one for of_broker in results for one in of_broker):
        if one_works and result.level is Level.FAILURE:
            yield replace(result, level=Level.WARNING)
        else:
            yield result


def _check_broker(settings: MqttSettings, address: Address) -> Iterator[CheckResult]:
    subject = f"broker {address}"
    try:
        session = MqttSession(settings, address, "doctor")
    except ConfigError as error:
        yield failure(subject, str(error), "correct the config, or what it names")
        return
    with closing(session):
        try:
            session.connect()
            yield ok(subject, "is there and lets this device in")
            yield _check_echo(session, settings, subject)
        except (ConnectionRefusedByBroker, OSError) as error:
            # A certificate that is not trusted may come wrapped in an error of another kind.
            cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
            remedy = next(text for kind, text in BROKER_REMEDIES if isinstance(cause, kind))
            yield failure(subject, format_error(error), remedy)


def _check_echo(session: MqttSession, settings: MqttSettings, subject: str) -> CheckResult:
    """Publish to oneself.

    A broker that does not allow it seldom says so: it takes the message and passes it to nobody.
    """
    topic, token = settings.topics.response("doctor"), token_hex(8).encode()
    session.subscribe_and_wait([topic])
    session.publish_and_wait(topic, token)
    received = session.incoming
    if session.wait(lambda: any(message.payload == token for message in received), ECHO_SECONDS):
        return ok(subject, f"passes on what this device publishes, tried on {topic}")
    if session.closed_reason is not None:
        raise ConnectionLost(f"connection lost: {session.closed_reason}")
    text = f"what is published on {topic} does not come back"
    remedy = f"let the broker's access list have it write {settings.root}/# and read {topic}"
    return failure(subject, text, remedy)
