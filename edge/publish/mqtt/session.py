"""A short visit to one broker."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from secrets import token_hex

from edge.errors import EmotiondError
from edge.publish.mqtt.client import ConnectionLost, ConnectionRefusedByBroker, describe
from edge.publish.mqtt.connection import BrokerConnection
from edge.publish.mqtt.message import IncomingMessage, OutgoingMessage
from edge.publish.mqtt.settings import Address, MqttSettings

ANSWER_SECONDS = 5.0
"""How long a broker may take to acknowledge what it was asked or sent."""

STEP = 0.2
"""Longest single wait, in seconds."""


class MqttSession:
    """A connection under a name of its own, beside the daemon's and in nobody's way.

    It leaves no last will. It goes on only while one of its methods runs.

    Args:
        settings: how the broker is spoken to.
        address: which broker.
        purpose: part of its name, for the broker's log.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
    """

    def __init__(self, settings: MqttSettings, address: Address, purpose: str) -> None:
        self.address = address
        # Chance keeps two visits at a time from ending each other.
        name = f"{settings.topics.id}-{purpose}-{token_hex(3)}"
        self._connection = BrokerConnection(settings, address, name=name)

    def open(self) -> None:
        """Connect.

        Raises:
            OSError: nobody is there, or nobody to be trusted.
            NotMqtt: whoever is there does not answer as a broker would.
            ConnectionRefusedByBroker: the broker does not want this client.
        """
        self._connection.open()

    def close(self) -> None:
        """Say goodbye, where there is somebody to hear it, and end."""
        self._connection.close()

    @property
    def heard(self) -> deque[IncomingMessage]:
        """Messages that came, oldest first; to be taken out by whoever reads them."""
        return self._connection.heard

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for what is published on `topics`, at QoS 1, and wait until it is granted.

        Raises:
            ConnectionLost: the broker does not answer any more.
            ConnectionRefusedByBroker: it does not grant one of them.
        """
        self._connection.subscribe(topics)
        self._expect(lambda: self._connection.granted)
        for topic, reason in zip(topics, self._connection.granted.popleft(), strict=False):
            if reason.is_failure:
                raise ConnectionRefusedByBroker(f"it may not subscribe to {topic}: {reason}")

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish at QoS 1 and wait until the broker has it.

        Raises:
            ConnectionLost: the broker does not answer any more.
            ConnectionRefusedByBroker: it does not take it; with MQTT 3.1.1 no broker can say so.
        """
        self._connection.publish(OutgoingMessage(topic, payload, 1, retain))
        self._expect(lambda: self._connection.acknowledged)
        _, reason = self._connection.acknowledged.popleft()
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
            self.step(min(left, STEP))
        return True

    def step(self, seconds: float = STEP) -> None:
        """Go on until something came, at most `seconds`.

        Raises:
            ConnectionLost: the connection ended.
        """
        self._connection.turn(seconds)
        if self._connection.ended is not None:
            raise ConnectionLost(f"connection lost: {self._connection.ended}")

    def _expect(self, condition: Callable[[], object]) -> None:
        if not self.wait(condition, ANSWER_SECONDS):
            raise ConnectionLost(f"does not answer within {ANSWER_SECONDS:.0f} s any more")


def connect_any(settings: MqttSettings, purpose: str) -> MqttSession:
    """Return an open visit to the first broker that lets this client in.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
        EmotiondError: none does; the text says what came of each.
    """
    failures = []
    for address in settings.addresses:
        visit = MqttSession(settings, address, purpose)
        try:
            visit.open()
        except (ConnectionRefusedByBroker, OSError) as error:
            visit.close()
            failures.append(f"broker {address}: {describe(error)}")
        else:
            return visit
    raise EmotiondError("; ".join(failures))
