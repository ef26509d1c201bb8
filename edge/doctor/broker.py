"""Brokers: who is there, who lets this device in, and what it may do there."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from secrets import token_hex

from edge.doctor.result import CheckResult, Level
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

HUNG_UP = (
    "check `port`, `transport` and `tls`; some brokers also hang up on clients that show no "
    "certificate"
)

REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedByBroker, "look into the broker's log for its reason"),
    (NotAnMqttBroker, HUNG_UP),
    (ConnectionResetError, HUNG_UP),
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
"""What to do about each; of several that fit, the first."""


def examine_brokers(settings: MqttSettings) -> Iterator[CheckResult]:
    """Look at each address of one MQTT sink.

    Where one of them does, what the others do not is a warning: it stands in for them.
    """
    found = [list(_examine(settings, address)) for address in settings.addresses]
    stands_in = any(all(one.level is Level.OK for one in findings) for findings in found)
    for finding in (one for findings in found for one in findings):
        if stands_in and finding.level is Level.FAILURE:
            yield replace(finding, level=Level.WARNING)
        else:
            yield finding


def _examine(settings: MqttSettings, address: Address) -> Iterator[CheckResult]:
    subject = f"broker {address}"
    try:
        session = MqttSession(settings, address, "doctor")
    except ConfigError as error:
        yield CheckResult(
            Level.FAILURE, subject, str(error), "correct the config, or what it names"
        )
        return
    with closing(session):
        try:
            session.open()
            yield CheckResult(Level.OK, subject, "is there and lets this device in")
            yield _send_round(session, settings, subject)
        except (ConnectionRefusedByBroker, OSError) as error:
            yield CheckResult(Level.FAILURE, subject, format_error(error), _remedy(error))


def _send_round(session: MqttSession, settings: MqttSettings, subject: str) -> CheckResult:
    """Publish to oneself.

    A broker that does not allow it seldom says so: it takes the message and passes it to nobody.
    """
    topic, token = settings.topics.response("doctor"), token_hex(8).encode()
    session.subscribe([topic])
    session.publish(topic, token)
    if session.wait(
        lambda: any(message.payload == token for message in session.incoming), ECHO_SECONDS
    ):
        text = f"passes on what this device publishes, tried on {topic}"
        return CheckResult(Level.OK, subject, text)
    text = f"what is published on {topic} does not come back"
    remedy = f"let the broker's access list have it write {settings.root}/# and read {topic}"
    return CheckResult(Level.FAILURE, subject, text, remedy)


def _remedy(error: ConnectionRefusedByBroker | OSError) -> str:
    # A certificate that is not trusted may come wrapped in an error of another kind.
    cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
    return next(remedy for kind, remedy in REMEDIES if isinstance(cause, kind))
