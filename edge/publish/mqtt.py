"""Events over MQTT 3.1.1."""

import logging
import random
import re
import socket
import ssl
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import ConfigError
from edge.publish.payload import encode_event, encode_stats
from edge.publish.state import State
from edge.records import EmotionEvent, Stats
from edge.stage import Channel, Stage

IN_FLIGHT = 20
"""Events given to the client and not yet acknowledged; the rest wait in the sink's own queue,
which is bounded, where the client's is not."""

LONGEST_RETRY = 4.0
"""Seconds; a broker that returns is found within them."""

PATIENCE = "events are kept and it is tried again"

log = logging.getLogger(__name__)

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]


class Link(Enum):
    """How the broker was last found."""

    UNTRIED = auto()
    UP = auto()
    LOST = auto()
    ABSENT = auto()
    REFUSED = auto()


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Encryption; without a CA file the system's authorities are trusted.

    Attributes:
        ca_file: the authorities trusted instead.
        cert_file, key_file: what this client shows of itself, where the broker asks.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("Expected `cert_file` beside `key_file`")


class MqttSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="mqtt"
):
    """Where the broker is and what this device is called there.

    Attributes:
        password_file: a file that holds the password; never the config itself.
        prefix, device: topics are prefix/device/...; the default device is the host's name. Two
            daemons must not share both: the broker takes them for one and ends the other's
            connection.
        queue: events kept while the broker is away; beyond it the oldest is dropped.
    """

    host: Annotated[str, msgspec.Meta(min_length=1)] = "localhost"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 1883
    user: str | None = None
    password_file: Path | None = None
    tls: TlsSettings | None = None
    prefix: Name = "emotiond"
    device: Name | None = None
    keepalive: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    queue: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000

    def __post_init__(self) -> None:
        if self.password_file is not None and self.user is None:
            raise ValueError("Expected `user` beside `password_file`")
        try:
            self.host.encode("idna")
        except UnicodeError as error:
            raise ValueError(f"Expected `host` to be a host name or an address: {error}") from error

    @property
    def root(self) -> str:
        """What every topic of this device begins with."""
        return f"{self.prefix}/{self.device or _safe_name(socket.gethostname())}"


class MqttSink:
    """Publishes events at QoS 1, availability and state retained, and stats.

    A thread of its own hands everything to the client: events a few at a time and only while the
    broker is there. They wait in a bounded queue, and those not acknowledged are sent again after a
    reconnection, before any newer one.

    Raises:
        ConfigError: the password file or a TLS file cannot be used.
    """

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._outbox: Channel[EmotionEvent] = Channel(settings.queue, lossless=False)
        self._state = State()
        self._unacknowledged: set[int] = set()
        self._announced: int | None = None
        self._lost = 0
        # Written by the client's thread, read by the sender's.
        self._link = Link.UNTRIED
        self._connections = 0
        self._acknowledged: deque[int] = deque()
        self._progress = threading.Event()
        # The sender's view of the above.
        self._connection = 0
        self._resending = False
        self._client = self._new_client()
        self._sender = Stage("mqtt", self._send_next, finish=lambda: None)

    def start(self) -> None:
        """Look for the broker, now and for as long as it takes."""
        settings = self._settings
        self._client.connect_async(settings.host, settings.port, settings.keepalive)
        self._client.loop_start()
        self._sender.start()

    @property
    def dropped(self) -> int:
        """Events that did not fit the queue, or were not acknowledged before the end."""
        return self._outbox.dropped + self._lost

    def publish(self, record: EmotionEvent | Stats) -> None:
        """Queue an event; publish stats at once, or not at all while the broker is away."""
        if self._sender.error is not None:
            raise self._sender.error
        if isinstance(record, EmotionEvent):
            self._outbox.put(record)
        elif self._link is Link.UP:
            self._client.publish(self._topic("stats"), encode_stats(record), retain=True)

    def close(self, timeout: float) -> None:
        """Wait for acknowledgements, say goodbye, disconnect."""
        deadline = time.monotonic() + timeout
        self._outbox.close()
        while self._pending() and self._sender.alive and time.monotonic() < deadline:
            time.sleep(0.02)
        self._sender.stop()
        self._sender.join(1.0)
        while self._unacknowledged and time.monotonic() < deadline:
            self._wait_for_progress()
        self._count_lost()
        self._leave()

    def _new_client(self) -> paho.Client:
        # A name of its own lets the broker see that a client returned, and not announce the last
        # will of the connection that it lost.
        name = self._settings.root.replace("/", "-")
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv311)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.max_inflight_messages_set(2 * IN_FLIGHT)  # availability must not wait for events
        # Jitter keeps a fleet from coming back to its broker all at once.
        client.reconnect_delay_set(random.uniform(0.5, 1), random.uniform(2, LONGEST_RETRY))  # type: ignore[arg-type]  # floats wait as well
        client.will_set(self._topic("availability"), "offline", qos=1, retain=True)
        if self._settings.user is not None:
            client.username_pw_set(self._settings.user, self._read_password())
        if self._settings.tls is not None:
            _encrypt(client, self._settings.tls)
        return client

    def _read_password(self) -> str | None:
        path = self._settings.password_file
        if path is None:
            return None
        try:
            return path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: the password cannot be read: {error}") from error

    def _send_next(self) -> None:
        """Announce a new connection; hand one event to the client, if the broker can take it."""
        self._collect_acknowledgements()
        if self._connection != self._connections:
            self._announce()
        if not self._may_send():
            self._wait_for_progress()
            return
        event = self._outbox.get(timeout=0.5)
        if event is not None:
            sent = self._client.publish(self._topic("event"), encode_event(event), qos=1)
            self._unacknowledged.add(sent.mid)
            self._state.update(event)
            self._publish_state()

    def _announce(self) -> None:
        """Say what the broker retains of this device; it may have forgotten all of it."""
        self._connection = self._connections
        self._resending = True
        if self._announced is None:  # else the client repeats it by itself
            sent = self._client.publish(self._topic("availability"), "online", qos=1, retain=True)
            self._announced = sent.mid
        self._publish_state()

    def _may_send(self) -> bool:
        """Tell whether the broker is there, has its repeats, and is not behind.

        After a reconnection the client sends what was not acknowledged once more; newer events wait
        until it has, so that they arrive in order.
        """
        self._resending = self._resending and bool(self._unacknowledged)
        up = self._link is Link.UP and self._connection == self._connections
        return up and not self._resending and len(self._unacknowledged) < IN_FLIGHT

    def _wait_for_progress(self) -> None:
        self._progress.wait(0.2)
        self._progress.clear()
        self._collect_acknowledgements()

    def _collect_acknowledgements(self) -> None:
        while self._acknowledged:
            message = self._acknowledged.popleft()
            self._unacknowledged.discard(message)
            if message == self._announced:
                self._announced = None

    def _publish_state(self) -> None:
        self._client.publish(self._topic("state"), self._state.encode(), retain=True)

    def _pending(self) -> int:
        return len(self._unacknowledged) + len(self._outbox)

    def _count_lost(self) -> None:
        left = self._pending()
        self._lost += left
        if left:
            log.warning("%s: %d events were not delivered", self._broker, left)

    def _leave(self) -> None:
        """Say goodbye where there is somebody to hear it."""
        if self._link is not Link.UP:
            self._client.disconnect()  # its thread is a daemon's, and may be in the midst of a try
            return
        topic = self._topic("availability")
        with suppress(RuntimeError, ValueError):  # the broker went first: the last will is told
            self._client.publish(topic, "offline", qos=1, retain=True).wait_for_publish(timeout=1)
        self._client.disconnect()
        self._client.loop_stop()

    def _topic(self, name: str) -> str:
        return f"{self._settings.root}/{name}"

    @property
    def _broker(self) -> str:
        return f"broker {self._settings.host}:{self._settings.port}"

    # The client calls what follows in its own thread, holding its own locks: they note and never
    # publish, wait or fail.

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, *_: Any
    ) -> None:
        if reason.is_failure:
            self._tell(Link.REFUSED, f"refuses this client: {reason}")
            return
        self._connections += 1
        self._tell(Link.UP, "connected")
        self._progress.set()

    def _on_connect_fail(self, client: paho.Client, userdata: Any) -> None:
        # The client is handling the error that it does not pass on.
        reason = sys.exc_info()[1]
        if self._link is not Link.LOST:
            self._tell(Link.ABSENT, f"cannot be reached: {reason}; {PATIENCE}")

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, *_: Any
    ) -> None:
        if reason.is_failure and self._link is Link.UP:
            self._tell(Link.LOST, f"connection lost: {reason}; {PATIENCE}")
        elif reason.is_failure and self._link is Link.UNTRIED:
            self._tell(
                Link.ABSENT, f"ends the connection before it answers; is it MQTT? {PATIENCE}"
            )

    def _on_publish(self, client: paho.Client, userdata: Any, mid: int, *_: Any) -> None:
        self._acknowledged.append(mid)
        self._progress.set()

    def _tell(self, link: Link, text: str) -> None:
        """Log a change of state, and only a change."""
        if link is not self._link:
            level = logging.INFO if link is Link.UP else logging.WARNING
            log.log(level, "%s: %s", self._broker, text)
        self._link = link


def _safe_name(name: str) -> str:
    """Make a host name safe for a topic."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:64] or "device"


def _encrypt(client: paho.Client, tls: TlsSettings) -> None:
    files = [str(path) if path else None for path in (tls.ca_file, tls.cert_file, tls.key_file)]
    try:
        client.tls_set(*files)  # type: ignore[arg-type]  # its first three
    except (OSError, ssl.SSLError, ValueError) as error:
        named = ", ".join(name for name in files if name)
        raise ConfigError(f"tls of the MQTT sink: cannot use {named}: {error}") from error
