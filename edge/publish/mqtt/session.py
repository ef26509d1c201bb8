"""Sessions beside the daemon's own: short ones, and a subscriber that reconnects."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from secrets import token_hex

from edge.errors import EmotiondError
from edge.publish.mqtt.client import (
    ConnectionLost,
    ConnectionRefusedByBroker,
    MqttClient,
    MqttMessage,
    format_error,
)
from edge.publish.mqtt.reconnect import BrokerState, ReconnectPolicy
from edge.publish.mqtt.settings import Address, MqttSettings

ANSWER_TIMEOUT = 5.0
"""Seconds that a broker may take to acknowledge what it was asked or sent."""

POLL_INTERVAL = 0.2
"""Seconds of the longest single wait."""


class MqttSession:
    """A connection with a client id of its own, so that it does not end the daemon's.

    It leaves no last will. It goes on only while one of its methods runs.

    Args:
        settings: how the broker is spoken to.
        address: which broker.
        purpose: part of the client id, for the broker's log.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
    """

    def __init__(self, settings: MqttSettings, address: Address, purpose: str) -> None:
        self.address = address
        # The random part keeps two sessions at a time from ending each other.
        client_id = f"{settings.topics.id}-{purpose}-{token_hex(3)}"
        self._client = MqttClient(settings, address, client_id=client_id)

    def open(self) -> None:
        """Connect.

        Raises:
            OSError: the broker cannot be reached, or is not to be trusted.
            NotAnMqttBroker: whatever is there does not answer as a broker would.
            ConnectionRefusedByBroker: the broker does not want this client.
        """
        self._client.connect()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()

    @property
    def incoming(self) -> deque[MqttMessage]:
        """Messages that came, oldest first; whoever reads them takes them out."""
        return self._client.incoming

    def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to `topics` at QoS 1, and wait until the broker grants it.

        Raises:
            ConnectionLost: the broker does not answer any more.
            ConnectionRefusedByBroker: it does not grant one of them.
        """
        self._client.subscribe(topics)
        self._await_answer(lambda: self._client.suback_results)
        for topic, reason in zip(topics, self._client.suback_results.popleft(), strict=False):
            if reason.is_failure:
                raise ConnectionRefusedByBroker(f"it may not subscribe to {topic}: {reason}")

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish at QoS 1 and wait until the broker has it.

        Raises:
            ConnectionLost: the broker does not answer any more.
            ConnectionRefusedByBroker: it does not take it; with MQTT 3.1.1 no broker can say so.
        """
        self._client.publish(MqttMessage(topic, payload, 1, retain))
        self._await_answer(lambda: self._client.acks)
        _, reason = self._client.acks.popleft()
        if reason.is_failure:
            raise ConnectionRefusedByBroker(f"it may not publish on {topic}: {reason}")

    def wait(self, condition: Callable[[], object], seconds: float) -> bool:
        """Go on until `condition()` is true, at most `seconds`; return whether it is.

        Raises:
            ConnectionLost: the connection ended.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.poll(min(left, POLL_INTERVAL))
        return True

    def poll(self, seconds: float = POLL_INTERVAL) -> None:
        """Go on until something came, at most `seconds`.

        Raises:
            ConnectionLost: the connection ended.
        """
        self._client.poll(seconds)
        if self._client.closed_reason is not None:
            raise ConnectionLost(f"connection lost: {self._client.closed_reason}")

    def _await_answer(self, condition: Callable[[], object]) -> None:
        if not self.wait(condition, ANSWER_TIMEOUT):
            raise ConnectionLost(f"does not answer within {ANSWER_TIMEOUT:.0f} s any more")


def connect_any(settings: MqttSettings, purpose: str) -> MqttSession:
    """Return an open session with the first broker that lets this client in.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
        EmotiondError: none does; the text says what came of each.
    """
    failures = []
    for address in settings.addresses:
        session = MqttSession(settings, address, purpose)
        try:
            session.open()
        except (ConnectionRefusedByBroker, OSError) as error:
            session.close()
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
        self._policy = ReconnectPolicy()

    def run(self) -> None:
        """Receive until `stop` is called.

        Raises:
            ConfigError: a secret or a TLS file cannot be used.
        """
        while not self._stopping.is_set():
            for address in self._settings.addresses:
                with closing(MqttSession(self._settings, address, "listen")) as session:
                    for message in self._messages(session):
                        self._on_message(message)  # here: its errors are not the network's
                    self.subscribed.clear()
            self._stopping.wait(self._policy.next_delay())

    def stop(self) -> None:
        """Let `run` end soon."""
        self._stopping.set()

    def _messages(self, session: MqttSession) -> Iterator[MqttMessage]:
        """Connect to one broker and give its messages, for as long as it lasts."""
        try:
            session.open()
            session.subscribe(self._topics)
            text = f"listening to {', '.join(self._topics)}"
            self._policy.report(session.address, BrokerState.CONNECTED, text)
            self.subscribed.set()
            while not self._stopping.is_set():
                while session.incoming:
                    yield session.incoming.popleft()
                session.poll()
        except ConnectionRefusedByBroker as error:
            self._policy.report(session.address, BrokerState.REFUSED, format_error(error))
        except ConnectionLost as error:
            self._policy.report(session.address, BrokerState.LOST, format_error(error))
        except OSError as error:
            self._policy.report(session.address, BrokerState.UNREACHABLE, format_error(error))
