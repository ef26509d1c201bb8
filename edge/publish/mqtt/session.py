"""Reaching brokers: the search for one, short sessions, and a subscriber that reconnects."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from enum import Enum, auto
from secrets import token_hex

from edge.errors import ConfigError, EmotiondError
from edge.publish.mqtt.client import (
    ConnectionLost,
    ConnectionRefusedByBroker,
    MqttClient,
    MqttMessage,
    create_paho_client,
    format_error,
)
from edge.publish.mqtt.settings import Address, MqttSettings

FIRST_RETRY_DELAY, MAX_RETRY_DELAY = 0.5, 4.0
"""Seconds; a broker that returns is found within the longest."""

STABLE_SECONDS = 10.0
"""After which a connection has proved itself. A client that is thrown out sooner waits longer and
longer, as if the broker were away."""

ANSWER_TIMEOUT = 5.0
"""Seconds that a broker may take to acknowledge what it was asked or sent."""

POLL_INTERVAL = 0.2
"""Seconds of the longest single wait."""

log = logging.getLogger(__name__)


class BrokerState(Enum):
    """Result of the last try to reach a broker."""

    CONNECTED = auto()
    LOST = auto()
    UNREACHABLE = auto()
    REFUSED = auto()


class BrokerConnector:
    """Connects to the first broker that lets this client in, as often as it is asked to.

    Between two rounds of tries it waits longer and longer. The log tells changes of a broker's
    state, and only changes.

    Args:
        addresses: the brokers, in the order in which they are tried.
        open_client: returns a client that is connected; raises as `MqttClient.connect` does.
        connected: what the log says of a broker that is connected.
        note: what it says after the reason why one is not.

    Attributes:
        address: the broker that is connected or was tried last.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        open_client: Callable[[Address], MqttClient],
        connected: str = "connected",
        note: str = "",
    ) -> None:
        self.address = addresses[0]
        self._addresses = addresses
        self._open_client = open_client
        self._connected = connected
        self._note = f"; {note}" if note else ""
        self._states: dict[Address, BrokerState] = {}
        self._failures = 0
        self._connected_at: float | None = None

    @property
    def has_tried(self) -> bool:
        """Tell whether any broker was tried yet."""
        return bool(self._states)

    def connect(self, stopping: threading.Event) -> MqttClient | None:
        """Try the brokers until one is connected and return its client; None if `stopping` is set.

        All but the first call wait before they try.
        """
        delay = self.next_delay() if self.has_tried else 0.0
        while not stopping.wait(delay):
            for address in self._addresses:
                self.address = address
                client = self._try(address)
                if client is not None and not stopping.is_set():
                    return client
                if client is not None:
                    client.close()
            delay = self.next_delay()
        return None

    def report_lost(self, reason: str | None) -> None:
        """Note that the connection to the present broker ended."""
        self.report(self.address, BrokerState.LOST, f"connection lost: {reason}{self._note}")

    def report(self, address: Address, state: BrokerState, text: str) -> None:
        """Note the state of a broker, and what the log is to say of it."""
        before = self._states.get(address)
        if state is BrokerState.CONNECTED:
            self._connected_at = time.monotonic()
        if (before, state) == (BrokerState.LOST, BrokerState.UNREACHABLE):
            return  # that it was lost was said
        if state is not before:
            level = logging.INFO if state is BrokerState.CONNECTED else logging.WARNING
            log.log(level, "broker %s: %s", address, text)
        self._states[address] = state

    def next_delay(self) -> float:
        """Return the seconds to wait now: more each time, with jitter, so that a fleet spreads."""
        connected_at, self._connected_at = self._connected_at, None
        if connected_at is not None and time.monotonic() - connected_at >= STABLE_SECONDS:
            self._failures = 0
        delay: float = min(FIRST_RETRY_DELAY * 2**self._failures, MAX_RETRY_DELAY)
        self._failures = min(self._failures + 1, 10)
        return delay * random.uniform(0.5, 1.0)

    def _try(self, address: Address) -> MqttClient | None:
        try:
            client = self._open_client(address)
        except ConfigError as error:  # what was well at the start and is no more
            self.report(address, BrokerState.REFUSED, f"{error}{self._note}")
        except ConnectionRefusedByBroker as error:
            self.report(address, BrokerState.REFUSED, format_error(error))
        except OSError as error:
            lost = isinstance(error, ConnectionLost)
            state = BrokerState.LOST if lost else BrokerState.UNREACHABLE
            self.report(address, state, f"{format_error(error)}{self._note}")
        else:
            self.report(address, BrokerState.CONNECTED, self._connected)
            return client
        return None


class MqttSession(MqttClient):
    """Client without a last will, whose id of its own does not end the daemon's connection.

    It goes on only while one of its methods runs. The purpose is part of its id, for the broker's
    log. What may be wrong with the settings is as for `MqttClient`.
    """

    def __init__(self, settings: MqttSettings, address: Address, purpose: str) -> None:
        # The random part keeps two sessions at a time from ending each other.
        client_id = f"{settings.topics.id}-{purpose}-{token_hex(3)}"
        super().__init__(settings, address, client_id=client_id)

    def subscribe_and_wait(self, topics: Sequence[str]) -> None:
        """Subscribe to `topics` at QoS 1, and wait until the broker grants it.

        Raises:
            ConnectionLost: the broker does not answer any more.
            ConnectionRefusedByBroker: it does not grant one of them.
        """
        self.subscribe(topics)
        self._await_answer(lambda: bool(self.suback_results))
        for topic, reason in zip(topics, self.suback_results.popleft(), strict=False):
            if reason.is_failure:
                raise ConnectionRefusedByBroker(f"it may not subscribe to {topic}: {reason}")

    def publish_and_wait(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish at QoS 1 and wait until the broker has it.

        Errors are as of `subscribe_and_wait`; with MQTT 3.1.1 no broker can refuse a message.
        """
        self.publish(MqttMessage(topic, payload, 1, retain))
        self._await_answer(lambda: bool(self.acks))
        _, reason = self.acks.popleft()
        if reason.is_failure:
            raise ConnectionRefusedByBroker(f"it may not publish on {topic}: {reason}")

    def _await_answer(self, condition: Callable[[], bool]) -> None:
        if self.wait(condition, ANSWER_TIMEOUT):
            return
        if self.closed_reason is not None:
            raise ConnectionLost(f"connection lost: {self.closed_reason}")
        raise ConnectionLost(f"does not answer within {ANSWER_TIMEOUT:.0f} s any more")


def connect_any(settings: MqttSettings, purpose: str) -> MqttSession:
    """Return a session with the first broker that lets this client in.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
        EmotiondError: none does; the text says what came of each.
    """
    failures = []
    for address in settings.addresses:
        session = MqttSession(settings, address, purpose)
        try:
            session.connect()
        except (ConnectionRefusedByBroker, OSError) as error:
            failures.append(f"broker {address}: {format_error(error)}")
        else:
            return session
    raise EmotiondError("; ".join(failures))


class MqttSubscriber:
    """Receives what is published, from the first broker that is there; reconnects by itself.

    What is published while no broker is connected is missed; what is retained comes again after
    each return. The log tells when a broker goes and comes, once each time.

    Args:
        settings: which brokers, and how they are spoken to.
        topics: what to subscribe to.
        on_message: takes each message, in the thread that calls `run`.

    Attributes:
        subscribed: set while a broker has granted all topics.
    """

    def __init__(
        self,
        settings: MqttSettings,
        topics: Sequence[str],
        on_message: Callable[[MqttMessage], None],
    ) -> None:
        self.subscribed = threading.Event()
        self._settings = settings
        self._topics = topics
        self._on_message = on_message
        self._stopping = threading.Event()
        listening = f"listening to {', '.join(topics)}"
        self._connector = BrokerConnector(settings.addresses, self._open_session, listening)

    def run(self) -> None:
        """Receive until `stop` is called.

        Raises:
            ConfigError: a secret or a TLS file cannot be used.
        """
        create_paho_client(self._settings, client_id="")  # what is wrong with it is said now
        while (session := self._connector.connect(self._stopping)) is not None:
            with closing(session):
                self.subscribed.set()
                while session.closed_reason is None and not self._stopping.is_set():
                    while session.incoming:
                        self._on_message(session.incoming.popleft())
                    session.poll(POLL_INTERVAL)
                self.subscribed.clear()
                if not self._stopping.is_set():
                    self._connector.report_lost(session.closed_reason)

    def stop(self) -> None:
        """Let `run` end soon."""
        self._stopping.set()

    def _open_session(self, address: Address) -> MqttSession:
        session = MqttSession(self._settings, address, "listen")
        session.connect()
        try:
            session.subscribe_and_wait(self._topics)
        except (ConnectionRefusedByBroker, ConnectionLost):
            session.close()
            raise
        return session
