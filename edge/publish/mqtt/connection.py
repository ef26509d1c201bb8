"""One connection to one broker, from its first byte to its last."""

import ssl
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import ConfigError, EmotiondError
from edge.publish.mqtt.secret import Secret
from edge.publish.mqtt.settings import Address, MqttSettings, TlsSettings, Transport
from edge.publish.mqtt.wake import Wake

DIAL_SECONDS = 3.0
"""How long a broker may take to let a connection in, and again to answer to it."""

LARGEST_MESSAGE = 65_536
"""Bytes that the broker is asked (MQTT 5) not to exceed; no command is nearly as long."""

GOODBYE_SECONDS = 1.0
"""How long a broker may take to let a connection go."""

MOST_HEARD = 1024
"""Messages that may wait to be read off; beyond, the oldest is let go."""

WINDOW = 20
"""Events given to the client and not yet acknowledged."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to publish.

    Attributes:
        properties: of MQTT 5; 3.1.1 has none.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What came from a broker.

    Attributes:
        retained: whether the broker had it from before.
        properties: of MQTT 5; 3.1.1 has none.
    """

    topic: str
    payload: bytes
    retained: bool
    properties: Properties | None = None


class Refused(EmotiondError):
    """The broker is there and does not want this client."""


class NotMqtt(OSError):
    """Somebody is there and does not answer as a broker would."""


class Gone(OSError):
    """The broker ended the connection, or says nothing any more."""


class Connection:
    """Connects, publishes, hears, and ends; it is never used again after that.

    It has no thread: whoever owns it calls `turn` again and again, and reads off what came. One
    thread less takes a third off the processor time of an event.

    Args:
        settings: how the broker is spoken to.
        address: which broker.
        name: of this client; by default the device's, which nobody else may have meanwhile.
        will: what the broker publishes when this client vanishes.
        wake: ends a wait.

    Attributes:
        ended: why the connection is no more; None while it stands.
        heard: messages that came.
        acknowledged: message ids that the broker took on, with its reason where it did not.
        granted: message ids of subscriptions, with what came of each topic.
    """

    def __init__(
        self,
        settings: MqttSettings,
        address: Address,
        *,
        name: str | None = None,
        will: Letter | None = None,
        wake: Wake | None = None,
    ) -> None:
        self.address = address
        self.ended: str | None = None
        self.heard: deque[Message] = deque(maxlen=MOST_HEARD)
        self.acknowledged: deque[tuple[int, ReasonCode]] = deque()
        self.granted: dict[int, list[ReasonCode]] = {}
        self._settings = settings
        self._wake = wake or Wake()
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
            NotMqtt: whoever is there does not answer as a broker would.
            Refused: the broker does not want this client.
        """
        dial(self._client, self._settings, self.address)
        deadline = time.monotonic() + DIAL_SECONDS
        while not self._answered and self.ended is None and time.monotonic() < deadline:
            self.turn(0.1)
        if self._answered and self._refusal is None:
            return
        found = "ends the connection before it answers" if self.ended else "does not answer in time"
        self.close()
        if self._refusal is not None:
            raise Refused(why(self._refusal))
        raise NotMqtt(f"{found}; is it MQTT?")

    def turn(self, timeout: float) -> None:
        """Wait until something came, there is room to send, or somebody wakes it; deal with that.

        Args:
            timeout: the longest wait, in seconds.
        """
        socket = self._client.socket()
        if socket is None:
            return
        # What TLS has decrypted already, no wait would ever tell of.
        pending = isinstance(socket, ssl.SSLSocket | paho._WebsocketWrapper) and socket.pending()
        here = socket.fileno()
        writing = self._client.want_write()
        self._wake.wait(0.0 if pending else timeout, read=here, write=here if writing else None)
        self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def subscribe(self, topics: Sequence[str]) -> int | None:
        """Ask for what is published on `topics`, at QoS 1; return the message id."""
        return self._client.subscribe([(topic, 1) for topic in topics])[1] if topics else None

    def publish(self, letter: Letter) -> int:
        """Hand a message to the client; return its message id."""
        sent = self._client.publish(
            letter.topic, letter.payload, letter.qos, letter.retain, letter.properties
        )
        return sent.mid

    def close(self) -> None:
        """Say goodbye, where there is somebody to hear it, and end; the last will is not told."""
        self._client.disconnect()
        deadline = time.monotonic() + GOODBYE_SECONDS
        while self.ended is None and time.monotonic() < deadline:
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
        self.granted[mid] = reasons

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason: ReasonCode, *_: Any
    ) -> None:
        self.acknowledged.append((mid, reason))

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self.heard.append(Message(message.topic, payload, message.retain, message.properties))


def describe(error: Refused | OSError) -> str:
    """Say what came of a try to reach a broker."""
    if isinstance(error, Refused):
        return f"refuses this client: {error}"
    if isinstance(error, NotMqtt | Gone):
        return str(error)
    return f"cannot be reached: {error}"


def new_client(settings: MqttSettings, client_id: str) -> paho.Client:
    """Return a client that can speak to the brokers of `settings` and does not yet.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
    """
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=paho.MQTTv5 if settings.protocol == 5 else paho.MQTTv311,
        transport=settings.transport.value,
        reconnect_on_failure=False,  # several addresses are tried in turn, which it cannot
    )
    client.connect_timeout = DIAL_SECONDS
    if settings.transport is Transport.WEBSOCKETS:
        client.ws_set_options(path=settings.path)
    if settings.user is not None:
        client.username_pw_set(_reveal(settings.user), _reveal(settings.password))
    if settings.tls is not None:
        _encrypt(client, settings.tls)
    return client


def publish_properties(settings: MqttSettings, **values: Any) -> Properties | None:
    """Return the properties of a message, by their names in MQTT 5; none where that is not spoken.

    None stands for a value that is not given.
    """
    return _properties(PacketTypes.PUBLISH, **values) if settings.protocol == 5 else None


def _properties(packet: int, **values: Any) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        if value is not None:
            setattr(properties, name, value)
    return properties


def dial(client: paho.Client, settings: MqttSettings, address: Address) -> None:
    """Reach a broker and ask to be let in; the answer comes to `on_connect` once the loop runs.

    Raises:
        OSError: it cannot be reached, or is not to be trusted.
        NotMqtt: it does not speak websockets, where these are wanted.
    """
    properties = None
    if settings.protocol == 5:
        properties = _properties(PacketTypes.CONNECT, MaximumPacketSize=LARGEST_MESSAGE)
    try:
        client.connect(address.host, address.port, settings.keepalive, properties=properties)
    except paho.WebsocketConnectionError as error:
        raise NotMqtt(f"{error}; are websockets spoken there?") from error
    except OSError:
        raise
    except ValueError as error:  # what the ssl module makes of some host names
        raise OSError(str(error)) from error


def why(reason: ReasonCode) -> str:
    """Return a broker's refusal in words, with what may be done about it."""
    if str(reason) in {"Not authorized", "Bad user name or password"}:
        return f"{reason}; check user, password and what the broker allows them"
    return str(reason)


def _reveal(secret: str | Secret | None) -> str | None:
    return secret.reveal() if isinstance(secret, Secret) else secret


def _encrypt(client: paho.Client, tls: TlsSettings) -> None:
    files = [str(path) if path else None for path in (tls.ca_file, tls.cert_file, tls.key_file)]
    try:
        client.tls_set(*files)  # type: ignore[arg-type]  # its first three
    except (OSError, ssl.SSLError, ValueError) as error:
        named = ", ".join(name for name in files if name)
        raise ConfigError(f"tls of the MQTT sink: cannot use {named}: {error}") from error
