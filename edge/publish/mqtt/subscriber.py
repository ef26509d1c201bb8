"""MQTT beside the daemon: a short session with one broker, and a subscriber that reconnects."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from secrets import token_hex
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import EmotiondError
from edge.publish.mqtt.broker_state import BrokerState, BrokerStates, ExponentialBackoff
from edge.publish.mqtt.client import (
    ConnectionLost,
    ConnectionRefusedByBroker,
    NotAnMqttBroker,
    describe,
    dial,
    new_client,
    why,
)
from edge.publish.mqtt.message import IncomingMessage
from edge.publish.mqtt.settings import Address, MqttSettings

ANSWER_SECONDS = 5.0
"""How long a broker may take to acknowledge what it was asked or sent."""

GOODBYE_SECONDS = 1.0
"""How long a broker may take to let a connection go."""

STOP_CHECK_SECONDS = 0.2
"""How soon a subscriber notices that it is to stop."""

MAX_RECEIVED = 1024
"""Messages that may wait to be taken out; beyond, the oldest is dropped."""


class MqttSession:
    """A connection under a client id of its own, which does not disturb the daemon's.

    It leaves no last will. paho's thread reads and writes; methods are called from one thread.

    Args:
        settings: how the broker is spoken to.
        address: which broker.
        purpose: part of the client id, for the broker's log.

    Attributes:
        received: messages that came, oldest first; to be taken out by whoever reads them.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
    """

    def __init__(self, settings: MqttSettings, address: Address, purpose: str) -> None:
        self.address = address
        self.received: deque[IncomingMessage] = deque(maxlen=MAX_RECEIVED)
        self._settings = settings
        self._answers: deque[list[ReasonCode]] = deque()
        self._ended: str | None = None
        self._changed = threading.Condition()
        # A random part keeps two sessions at a time from ending each other.
        self._client = new_client(settings, f"{settings.topics.id}-{purpose}-{token_hex(3)}")
        self._client.on_connect = lambda *given: self._answered([given[3]])
        self._client.on_subscribe = lambda *given: self._answered(given[3])
        self._client.on_publish = lambda *given: self._answered([given[3]])
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect

    def open(self) -> None:
        """Connect.

        Raises:
            OSError: it cannot be reached, or its certificate is not trusted.
            NotAnMqttBroker: whoever is there does not answer as a broker would.
            ConnectionRefusedByBroker: the broker does not want this client.
        """
        dial(self._client, self._settings, self.address)
        self._client.loop_start()
        try:
            answered = self.wait(lambda: self._answers, self._client.connect_timeout)
            found = "does not answer in time"
        except ConnectionLost:
            answered, found = False, "ends the connection before it answers"
        if not answered:
            self.close()
            raise NotAnMqttBroker(f"{found}; is it MQTT?")
        (reason,) = self._answers.popleft()
        if reason.is_failure:
            self.close()
            raise ConnectionRefusedByBroker(why(reason))

    def close(self) -> None:
        """Disconnect, where there is a connection; paho's thread then ends by itself."""
        if self._client.disconnect() == paho.MQTT_ERR_SUCCESS:
            with self._changed:
                self._changed.wait_for(lambda: self._ended is not None, GOODBYE_SECONDS)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for what is published on `topics`, at QoS 1, and wait until it is granted.

        Raises:
            ConnectionLost: the broker does not answer any more.
            ConnectionRefusedByBroker: it does not grant one of them.
        """
        self._client.subscribe([(topic, 1) for topic in topics])
        for topic, reason in zip(topics, self._answer(), strict=False):
            if reason.is_failure:
                raise ConnectionRefusedByBroker(f"it may not subscribe to {topic}: {reason}")

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish at QoS 1 and wait until the broker has it.

        Raises:
            ConnectionLost: the broker does not answer any more.
            ConnectionRefusedByBroker: it does not take it; with MQTT 3.1.1 no broker can say so.
        """
        self._client.publish(topic, payload, qos=1, retain=retain)
        (reason,) = self._answer()
        if reason.is_failure:
            raise ConnectionRefusedByBroker(f"it may not publish on {topic}: {reason}")

    def wait(self, condition: Callable[[], object], seconds: float) -> bool:
        """Wait until `condition()` is true, at most `seconds`; return whether it is.

        Raises:
            ConnectionLost: the connection ended before.
        """
        with self._changed:
            self._changed.wait_for(lambda: condition() or self._ended is not None, seconds)
            if condition():
                return True
            if self._ended is not None:
                raise ConnectionLost(f"connection lost: {self._ended}")
        return False

    def _answer(self) -> list[ReasonCode]:
        if not self.wait(lambda: self._answers, ANSWER_SECONDS):
            raise ConnectionLost(f"does not answer within {ANSWER_SECONDS:.0f} s any more")
        return self._answers.popleft()

    # paho calls what follows in its own thread.

    def _answered(self, reasons: list[ReasonCode]) -> None:
        with self._changed:
            self._answers.append(reasons)
            self._changed.notify()

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.received.append(
                IncomingMessage(
                    message.topic, bytes(message.payload), message.retain, message.properties
                )
            )
            self._changed.notify()

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, *_: Any
    ) -> None:
        with self._changed:
            self._ended = str(reason)
            self._changed.notify()


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
            failures.append(f"broker {address}: {describe(error)}")
        else:
            return session
    raise EmotiondError("; ".join(failures))


class MqttSubscriber:
    """Receives what is published, from the first broker that is there, and reconnects by itself.

    What is published while no broker is connected is missed; what is retained comes again after
    each reconnection. The log tells when a broker goes and comes, once each time.

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
        on_message: Callable[[IncomingMessage], None],
    ) -> None:
        self.subscribed = threading.Event()
        self._settings = settings
        self._topics = topics
        self._on_message = on_message
        self._stopping = threading.Event()
        self._states = BrokerStates()
        self._backoff = ExponentialBackoff()

    def run(self) -> None:
        """Receive until `stop` is called.

        Raises:
            ConfigError: a secret or a TLS file cannot be used.
        """
        while not self._stopping.is_set():
            for address in self._settings.addresses:
                with closing(MqttSession(self._settings, address, "listen")) as session:
                    for message in self._messages(session):
                        self._on_message(message)
                    self.subscribed.clear()
            self._stopping.wait(self._backoff.next())

    def stop(self) -> None:
        """Let `run` end soon."""
        self._stopping.set()

    def _messages(self, session: MqttSession) -> Iterator[IncomingMessage]:
        """Yield what one broker sends, for as long as its connection lasts.

        A generator, so that what fails in `on_message` is not taken for a failure of the network.
        """
        try:
            session.open()
            session.subscribe(self._topics)
            self._backoff.found()
            text = f"listening to {', '.join(self._topics)}"
            self._states.tell(session.address, BrokerState.UP, text)
            self.subscribed.set()
            while not self._stopping.is_set():
                if session.wait(lambda: session.received, STOP_CHECK_SECONDS):
                    yield session.received.popleft()
        except ConnectionRefusedByBroker as error:
            self._states.tell(session.address, BrokerState.REFUSED, describe(error))
        except ConnectionLost as error:
            self._states.tell(session.address, BrokerState.LOST, describe(error))
        except OSError as error:
            self._states.tell(session.address, BrokerState.ABSENT, describe(error))
