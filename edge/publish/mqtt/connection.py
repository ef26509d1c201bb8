"""One connection to one broker, from its first byte to its last."""

import select
import ssl
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from edge.publish.mqtt.client import (
    ConnectionRefusedByBroker,
    NotAnMqttBroker,
    dial,
    new_client,
    why,
)
from edge.publish.mqtt.message import IncomingMessage, OutgoingMessage
from edge.publish.mqtt.settings import Address, MqttSettings
from edge.publish.mqtt.wakeup import WakeupSocket, wait

GOODBYE_SECONDS = 1.0
"""How long a broker may take to let a connection go."""

MOST_HEARD = 1024
"""Messages that may wait to be read off; beyond, the oldest is let go."""

WINDOW = 20
"""Events given to the client and not yet acknowledged."""


class BrokerConnection:
    """Connects, publishes, hears, and ends; it is never used again after that.

    It has no thread: whoever owns it calls `turn` again and again, and reads off what came.

    Args:
        settings: how the broker is spoken to.
        address: which broker.
        name: of this client; by default the device's, which nobody else may have meanwhile.
        will: what the broker publishes when this client vanishes.

    Attributes:
        ended: why the connection is no more; None while it stands.
        heard: messages that came.
        acknowledged: message ids that the broker took on, with its reason where it did not.
        granted: for each subscription that the broker answered, what came of each of its topics.
    """

    def __init__(
        self,
        settings: MqttSettings,
        address: Address,
        *,
        name: str | None = None,
        will: OutgoingMessage | None = None,
    ) -> None:
        self.address = address
        self.ended: str | None = None
        self.heard: deque[IncomingMessage] = deque(maxlen=MOST_HEARD)
        self.acknowledged: deque[tuple[int, ReasonCode]] = deque()
        self.granted: deque[list[ReasonCode]] = deque()
        self._settings = settings
        self._answered = False
        self._refusal: ReasonCode | None = None
        # A name of its own lets the broker see that a client returned, and not announce the last
        # will of the connection that it lost.
        self._client = new_client(settings, name or settings.topics.id)
        if will is not None:
            self._client.will_set(will.topic, will.payload, qos=will.qos, retain=will.retain)
        self._client.max_inflight_messages_set(2 * WINDOW)  # availability must not wait for events
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def open(self) -> None:
        """Connect.

        Raises:
            OSError: nobody is there, or nobody to be trusted.
            NotAnMqttBroker: whoever is there does not answer as a broker would.
            ConnectionRefusedByBroker: the broker does not want this client.
        """
        dial(self._client, self._settings, self.address)
        deadline = time.monotonic() + self._client.connect_timeout
        while not self._answered and self.ended is None and time.monotonic() < deadline:
            self.turn(0.1)
        if self._answered and self._refusal is None:
            return
        found = "ends the connection before it answers" if self.ended else "does not answer in time"
        self.close()
        if self._refusal is not None:
            raise ConnectionRefusedByBroker(why(self._refusal))
        raise NotAnMqttBroker(f"{found}; is it MQTT?")

    def turn(self, timeout: float, wake: WakeupSocket | None = None) -> None:
        """Wait until something came or there is room to send, and deal with that.

        Args:
            timeout: the longest wait, in seconds.
            wake: what else ends it.
        """
        socket = self._client.socket()
        if socket is None:
            return
        events = {socket.fileno(): select.POLLIN}
        if self._client.want_write():
            events[socket.fileno()] |= select.POLLOUT
        # What TLS has decrypted already, no wait would ever tell of.
        if isinstance(socket, ssl.SSLSocket | paho._WebsocketWrapper) and socket.pending():
            timeout = 0.0
        if wake is None:
            wait(timeout, events)
        else:
            wake.wait(timeout, events)
        self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for what is published on `topics`, at QoS 1; `granted` tells what came of it."""
        if topics:
            self._client.subscribe([(topic, 1) for topic in topics])

    def publish(self, letter: OutgoingMessage) -> int:
        """Hand a message to the client; return its message id."""
        sent = self._client.publish(
            letter.topic, letter.payload, letter.qos, letter.retain, letter.properties
        )
        return sent.mid

    def close(self) -> None:
        """Say goodbye, where there is somebody to hear it, and end; the last will is not told."""
        self._client.disconnect()
        deadline = time.monotonic() + GOODBYE_SECONDS
        while self._client.socket() is not None and time.monotonic() < deadline:
            self.turn(0.1)

    # The client calls what follows from within `turn`, holding its own locks: they note and never
    # publish, wait or fail.

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, *_: Any
    ) -> None:
        self._refusal = reason if reason.is_failure else None
        self._answered = True

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, *_: Any
    ) -> None:
        self.ended = str(reason)

    def _on_subscribe(
        self, client: paho.Client, userdata: Any, mid: int, reasons: list[ReasonCode], *_: Any
    ) -> None:
        self.granted.append(reasons)

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason: ReasonCode, *_: Any
    ) -> None:
        self.acknowledged.append((mid, reason))

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self.heard.append(
            IncomingMessage(message.topic, payload, message.retain, message.properties)
        )
