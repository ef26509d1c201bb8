"""MQTT client: one connection to one broker, from its first byte to its last."""

import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any, Literal, NamedTuple, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import EmotiondError
from edge.publish.mqtt.settings import Address, MqttSettings
from edge.secrets import SecretRef

CONNECT_TIMEOUT, ANSWER_TIMEOUT, DISCONNECT_TIMEOUT = 3.0, 5.0, 1.0
"""Seconds that a broker may take to let a connection in, and again to answer to it; to acknowledge
what it was asked or sent; to let a connection go."""

POLL_INTERVAL = 0.3  # seconds of the longest single wait for something to read, write or do
TAKEN_OVER = "Session taken over"  # by a client of the same id; as brokers of MQTT 5 say it
MAX_PACKET_BYTES, MAX_INCOMING = 65_536, 1024
"""Bytes that the broker is asked (MQTT 5) not to exceed; no command is nearly as long. Messages
that came and may wait to be read; beyond, the oldest is dropped."""

MAX_UNACKNOWLEDGED = 40  # messages of QoS 1 without answer; paho's own queue is endless
T = TypeVar("T")

BrokerState = Literal["connected", "lost", "unreachable", "refused", "contested"]
"""Result of the last try to reach a broker; `contested`: another client has the same id."""


class BrokerError(EmotiondError):
    """The broker cannot be reached, for the reason that is its cause, or is not to be trusted."""

    state: BrokerState = "unreachable"


class ConnectionRefusedByBroker(BrokerError):
    """The broker is there and does not want this client."""

    state = "refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"refuses this client: {reason}")


class NotAnMqttBroker(BrokerError):
    """Whatever is there does not answer as a broker would."""


class ConnectionLost(BrokerError):
    """The broker ended the connection, or does not answer any more."""

    state = "lost"


class MqttMessage(NamedTuple):
    """A message to publish, or one that came: then `retain` tells whether it was kept."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties | None = None  # of MQTT 5


class MqttClient:
    """Connects to a broker, publishes, receives and disconnects; it is never connected again.

    It has no thread: its owner calls `poll` again and again, and reads what came. So a broker that
    is slow keeps nobody but its owner waiting, and no longer than the owner allows.

    One beside the daemon's has a `purpose`, and its own id. ConfigError: a bad secret or TLS file.
    """

    def __init__(
        self,
        settings: MqttSettings,
        address: Address,
        purpose: str = "",
        will: MqttMessage | None = None,
    ) -> None:
        self.address = address
        self.closed_reason: str | None = None  # why the connection is no more
        self.incoming: deque[MqttMessage] = deque(maxlen=MAX_INCOMING)
        self.acks: deque[tuple[int, ReasonCode]] = deque()  # message ids, and what became of them
        self._connacks: deque[ReasonCode] = deque()
        self._subacks: deque[list[ReasonCode]] = deque()
        self._settings = settings
        self._unacknowledged: set[int] = set()
        # An id of its own lets the broker see that a client returned, and not announce the last
        # will of the connection that it lost. By the random part two of one purpose live together.
        suffix = f"-{purpose}-{token_hex(3)}" if purpose else ""
        self.client_id = settings.topics.id + suffix
        self._paho = _create_paho_client(settings, self.client_id)
        if will is not None:
            self._paho.will_set(*will)
        # paho calls these within `poll`, holding locks: they note, and never publish, wait or fail.
        self._paho.on_connect = lambda *event: self._connacks.append(event[3])
        self._paho.on_disconnect = self._on_disconnect
        self._paho.on_subscribe = lambda *event: self._subacks.append(event[3])
        self._paho.on_publish = self._on_publish
        self._paho.on_message = self._on_message

    def connect(self) -> None:
        """Connect, or raise a BrokerError: it cannot be reached, or does not want this client."""
        settings, host, port = self._settings, self.address.host, self.address.port
        about = mqtt_properties(settings, PacketTypes.CONNECT, MaximumPacketSize=MAX_PACKET_BYTES)
        try:
            self._paho.connect(host, port, settings.keepalive_s, properties=about)
        except paho.WebsocketConnectionError as error:
            raise NotAnMqttBroker(f"{error}; are websockets spoken there?") from error
        except (OSError, ValueError) as error:  # what the ssl module makes of some host names
            raise BrokerError(f"cannot be reached: {error}") from error
        answers = self.wait(lambda: bool(self._connacks), self._paho.connect_timeout)
        if answers and not self._connacks[0].is_failure:
            return
        ended = self.closed_reason is not None
        self.close()
        if not answers:
            found = "ends the connection before it answers" if ended else "does not answer in time"
            raise NotAnMqttBroker(f"{found}; is it MQTT?")
        text = str(self._connacks[0])
        if text in {"Not authorized", "Bad user name or password"}:
            text += "; check user, password and what the broker allows them"
        raise ConnectionRefusedByBroker(text)

    def poll(self, timeout: float, wakeup: socket.socket | None = None) -> None:
        """Wait `timeout` seconds at most until something came, or a byte from `wakeup`; take it."""
        sock = self._paho.socket()
        if sock is None:
            return
        # What TLS has decrypted already, no wait would ever tell of.
        if isinstance(sock, ssl.SSLSocket | paho._WebsocketWrapper) and sock.pending():
            timeout = 0.0
        waited = select.poll()  # `select.select` fails with more than 1,024 open files
        waited.register(sock, select.POLLIN | (select.POLLOUT if self._paho.want_write() else 0))
        if wakeup is not None:
            waited.register(wakeup, select.POLLIN)
        waited.poll(1000 * timeout)
        if wakeup is not None:
            with suppress(OSError):  # nothing came from there
                wakeup.recv(4096)
        self._paho.loop_read()
        if self._paho.want_write():
            self._paho.loop_write()
        self._paho.loop_misc()

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Poll until `condition()` is true, at most `seconds`, while connected; return whether."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0 or self.closed_reason is not None:
                return False
            self.poll(min(left, POLL_INTERVAL))
        return True

    @property
    def is_ready(self) -> bool:
        """Tell whether it takes another message; else earlier ones are still on their way."""
        return not self._paho.want_write() and len(self._unacknowledged) < MAX_UNACKNOWLEDGED

    def publish(self, message: MqttMessage) -> int:
        """Send a message; return its id, which comes with the acknowledgment."""
        sent = self._paho.publish(*message)
        if message.qos:
            self._unacknowledged.add(sent.mid)
        return sent.mid

    def subscribe(self, topics: Sequence[str], required: bool = False) -> list[str]:
        """Subscribe at QoS 1; return what is refused. BrokerError: no answer, or `required`."""
        if not topics:
            return []
        self._paho.subscribe([(topic, 1) for topic in topics])
        reasons = self._answer(self._subacks)
        answers = zip(topics, reasons, strict=False)
        refused = [f"{topic}: {reason}" for topic, reason in answers if reason.is_failure]
        if refused and required:
            raise ConnectionRefusedByBroker(f"it may not subscribe to {refused[0]}")
        return refused

    def publish_and_wait(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish at QoS 1 and wait until the broker has it, or raise a BrokerError."""
        self.publish(MqttMessage(topic, payload, 1, retain))
        _, reason = self._answer(self.acks)
        if reason.is_failure:
            raise ConnectionRefusedByBroker(f"it may not publish on {topic}: {reason}")

    def _answer(self, answers: deque[T]) -> T:
        if not self.wait(lambda: bool(answers), ANSWER_TIMEOUT):
            if self.closed_reason is not None:
                raise ConnectionLost(f"connection lost: {self.closed_reason}")
            raise ConnectionLost(f"does not answer within {ANSWER_TIMEOUT:.0f} s any more")
        return answers.popleft()

    def close(self) -> None:
        """Disconnect in due form, if the broker is there: it does not publish the last will."""
        self._paho.disconnect()
        self.wait(lambda: self._paho.socket() is None, DISCONNECT_TIMEOUT)

    def _on_disconnect(self, *event: Any) -> None:
        unknown = {"Unspecified error": "the broker or the network ended it"}
        self.closed_reason = unknown.get(str(event[3]), str(event[3]))

    def _on_publish(self, _client: paho.Client, _userdata: Any, mid: int, *event: Any) -> None:
        self._unacknowledged.discard(mid)
        self.acks.append((mid, event[0]))

    def _on_message(self, _client: paho.Client, _userdata: Any, came: paho.MQTTMessage) -> None:
        message = came.topic, bytes(came.payload), came.qos, came.retain, came.properties
        self.incoming.append(MqttMessage(*message))


def _create_paho_client(settings: MqttSettings, client_id: str) -> paho.Client:
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=paho.MQTTv5 if settings.protocol == 5 else paho.MQTTv311,
        transport=settings.transport,
        reconnect_on_failure=False,  # several addresses are tried in turn, which it cannot
    )
    client.connect_timeout = CONNECT_TIMEOUT
    client.max_inflight_messages_set(MAX_UNACKNOWLEDGED)
    client.max_queued_messages_set(2 * MAX_UNACKNOWLEDGED)  # there is room for a last word
    if settings.transport == "websockets":
        client.ws_set_options(path=settings.path)
    both = settings.user, settings.password
    user, password = (one.resolve() if isinstance(one, SecretRef) else one for one in both)
    if user is not None:
        client.username_pw_set(user, password)
    if settings.tls is not None:
        client.tls_set_context(settings.tls.context())
    return client


def mqtt_properties(
    settings: MqttSettings, packet: int = PacketTypes.PUBLISH, **values: Any
) -> Properties | None:
    """Return the properties of a packet that are not None, by their names; none before MQTT 5."""
    if settings.protocol != 5:
        return None
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        if value is not None:
            setattr(properties, name, value)
    return properties
