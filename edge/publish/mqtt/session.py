"""Brokers: the search for one, what comes from there, and the doctor's checks."""

import logging
import math
import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from secrets import token_hex

from edge.errors import CheckResult, ConfigError, EmotiondError, Level, failure, ok
from edge.publish.mqtt import client as mqtt
from edge.publish.mqtt.settings import Address, MqttSettings

FIRST_RETRY_DELAY, MAX_RETRY_DELAY = 0.5, 4.0  # seconds: how soon a broker that returns is found
STABLE_SECONDS, MAX_SHORT_CONNECTIONS = 10.0, 3
"""After so many seconds a connection has proved itself. A client that is thrown out sooner waits
longer and longer, as if the broker were away; so often in a row, and somebody ends them."""

ECHO_SECONDS, RETAINED_SECONDS = 3.0, 0.5  # for a message there and back; for what is retained

BROKER_REMEDIES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (mqtt.ConnectionRefusedByBroker, "look into the broker's log for its reason"),
    (
        (mqtt.NotAnMqttBroker, ConnectionResetError),
        "check `port`, `transport` and `tls`; some brokers also hang up on clients that show no "
        "certificate",
    ),
    (mqtt.ConnectionLost, "try again, and look into the broker's log"),
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
        "check `host`, `port`, `transport` and `tls`, network, and firewalls on the way",
    ),
    (Exception, "check `host` and `port`, the network, and the firewalls on the way"),
)
"""What to do about each error; of several that fit, the first."""

log = logging.getLogger(__name__)


class BrokerConnector:
    """Connects to the first broker that lets this client in, as often as it is asked to.

    Between two rounds of tries it waits longer and longer. The log tells changes of a broker's
    state, and only changes, with the `note` where it is not connected. With a `hint` it may well be
    that there is no broker: the first reason is no warning, and the hint is told.

    With a `purpose`, a broker must grant the subscription to `topics`. Errors as of `MqttClient`.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        purpose: str = "",
        will: mqtt.MqttMessage | None = None,
        topics: Sequence[str] = (),
        note: str = "",
        hint: str = "",
    ) -> None:
        self.address = settings.addresses[0]  # that is connected or was tried last
        self.states: dict[Address, mqtt.BrokerState] = {}  # of those that were tried yet
        self._new_client = partial(mqtt.MqttClient, settings, purpose=purpose, will=will)
        self._new_client(self.address)  # what is wrong with it is said now
        self._addresses, self._topics = settings.addresses, topics
        self._connected = f"listening to {', '.join(topics)}" if purpose else "connected"
        self._required = bool(purpose)
        self._note, self._hint = f"; {note}" if note else "", hint
        self._failures = self._short_connections = 0
        self._connected_at = math.inf

    def clients(self, stopping: threading.Event) -> Iterator[mqtt.MqttClient]:
        """Yield each client that a broker lets in, until `stopping` is set; then it is closed."""
        delay = 0.0
        while not stopping.wait(delay):
            for address in self._addresses:
                if (client := self._try(address)) is None:
                    continue
                with closing(client):
                    if not stopping.is_set():
                        yield client
                    if not stopping.is_set():
                        self._report_end(client)
                break
            delay = self.next_delay()

    def poll(self, client: mqtt.MqttClient, wakeup: socket.socket | None = None) -> None:
        """Let a client wait for what comes, for a moment; log when nobody contests it any more."""
        client.poll(mqtt.POLL_INTERVAL, wakeup)
        if self.states[self.address] == "contested" and self._lasts:
            self.report(self.address, "connected", self._connected)

    def report(self, address: Address, state: mqtt.BrokerState, text: str) -> None:
        """Note the state of a broker, and what the log is to say of it."""
        before = self.states.get(address)
        if (before, state) == ("lost", "unreachable"):
            return  # that it was lost was said
        if state is not before:
            level = logging.INFO if state == "connected" else logging.WARNING
            if self._hint and (before, state) == (None, "unreachable"):
                level, text = logging.INFO, f"{text}; {self._hint}"
            log.log(level, "broker %s: %s", address, text)
        self.states[address] = state

    def next_delay(self) -> float:
        """Return the seconds to wait now: more each time, with jitter, so that a fleet spreads."""
        if self._lasts:
            self._failures = 0
        self._connected_at = math.inf
        delay: float = min(FIRST_RETRY_DELAY * 2**self._failures, MAX_RETRY_DELAY)
        self._failures = min(self._failures + 1, 10)
        return delay * random.uniform(0.5, 1.0)

    @property
    def _lasts(self) -> bool:
        """Tell whether the latest connection has proved itself."""
        return time.monotonic() - self._connected_at >= STABLE_SECONDS

    def _try(self, address: Address) -> mqtt.MqttClient | None:
        self.address = address
        try:
            client = self._new_client(self.address)
            client.connect()
            refused = client.subscribe(self._topics, self._required)
        except (ConfigError, mqtt.BrokerError) as error:
            # A config error: what was well at the start and is no more.
            state = error.state if isinstance(error, mqtt.BrokerError) else "refused"
            note = "" if isinstance(error, mqtt.ConnectionRefusedByBroker) else self._note
            self.report(self.address, state, f"{error}{note}")
            return None
        self._connected_at = time.monotonic()
        if self.states.get(self.address) != "contested":  # else it has to last first
            self.report(self.address, "connected", self._connected)
        for one in refused:
            log.warning("broker %s: does not let this client hear %s", self.address, one)
        return client

    def _report_end(self, client: mqtt.MqttClient) -> None:
        """Log the end of a connection, and whether another client is the likely cause."""
        # MQTT 5 says so; with 3.1.1 connections end soon after the other client's begin.
        self._short_connections = 0 if self._lasts else self._short_connections + 1
        remedy = f"has the client id {client.client_id}; give each emotiond a `device` of its own"
        state: mqtt.BrokerState = "contested"
        if client.closed_reason == mqtt.TAKEN_OVER:
            text = f"another client {remedy}"
        elif self._short_connections >= MAX_SHORT_CONNECTIONS:
            text = f"ends each connection soon after it began; probably another client {remedy}"
        else:
            state, text = "lost", f"connection lost: {client.closed_reason}"
        self.report(self.address, state, f"{text}{self._note}")


def connect_any(settings: MqttSettings, purpose: str) -> mqtt.MqttClient:
    """Return a client of the first broker that lets it in; an EmotiondError says why none does."""
    failures = []
    for address in settings.addresses:
        session = mqtt.MqttClient(settings, address, purpose)
        try:
            session.connect()
            return session
        except mqtt.BrokerError as error:
            failures.append(f"broker {address}: {error}")
    raise EmotiondError("; ".join(failures))


def retained_on(session: mqtt.MqttClient, topics: Sequence[str]) -> list[str]:
    """Return those of `topics` on which the broker retains something that this client may read."""
    session.incoming.clear()
    session.subscribe(topics)

    def found() -> set[str]:
        return {one.topic for one in session.incoming if one.retain and one.payload}

    session.wait(lambda: len(found()) == len(topics), RETAINED_SECONDS)
    return [topic for topic in topics if topic in found()]


def receive(
    settings: MqttSettings, topics: Sequence[str], stopping: threading.Event
) -> Iterator[mqtt.MqttMessage]:
    """Yield what is published, from the first broker that is there, until `stopping` is set.

    What is published meanwhile is missed, what is retained comes again. Errors as of `MqttClient`.
    """
    connector = BrokerConnector(settings, purpose="listen", topics=topics)
    for client in connector.clients(stopping):
        while client.closed_reason is None and not stopping.is_set():
            while client.incoming:
                yield client.incoming.popleft()
            connector.poll(client)


def check_brokers(settings: MqttSettings) -> Iterator[CheckResult]:
    """Check each address of one MQTT sink; where one works, what fails at others is a warning."""
    results = [list(_check_broker(settings, address)) for address in settings.addresses]
    one_works = any(all(one.level is Level.OK for one in of_broker) for of_broker in results)
    for result in chain(*results):
        spared = one_works and result.level is Level.FAILURE
        yield replace(result, level=Level.WARNING) if spared else result


def _check_broker(settings: MqttSettings, address: Address) -> Iterator[CheckResult]:
    subject = f"broker {address}"
    try:
        with closing(mqtt.MqttClient(settings, address, "doctor")) as session:
            session.connect()
            yield ok(subject, "is there and lets this device in")
            yield _check_echo(session, settings, subject)
    except ConfigError as error:
        yield failure(subject, str(error), "correct the config, or what it names")
    except mqtt.BrokerError as error:
        cause = error.__cause__ if type(error) is mqtt.BrokerError else error
        remedy = next(text for kind, text in BROKER_REMEDIES if isinstance(cause, kind))
        yield failure(subject, str(error), remedy)


def _check_echo(session: mqtt.MqttClient, settings: MqttSettings, subject: str) -> CheckResult:
    """Publish to oneself: a broker may take a message without a word, and pass it to nobody."""
    topic, token = f"{settings.topics.response}/doctor", token_hex(8).encode()
    session.subscribe([topic], required=True)
    session.publish_and_wait(topic, token)
    received = session.incoming
    if session.wait(lambda: any(message.payload == token for message in received), ECHO_SECONDS):
        return ok(subject, f"passes on what this device publishes, tried on {topic}")
    if session.closed_reason is not None:
        raise mqtt.ConnectionLost(f"connection lost: {session.closed_reason}")
    text = f"what is published on {topic} does not come back"
    remedy = f"let the broker's access list have it write {settings.root}/# and read {topic}"
    return failure(subject, text, remedy)
