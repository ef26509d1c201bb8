"""Events over MQTT 3.1.1."""

import logging
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from enum import Enum, auto
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from edge.publish.broker import MqttSettings, new_client
from edge.publish.payload import encode_event, encode_stats
from edge.publish.state import State
from edge.records import EmotionEvent, Stats
from edge.stage import Channel, Stage

IN_FLIGHT = 20
"""Events given to the client and not yet acknowledged; the rest wait in the sink's own queue,
which is bounded, where the client's is not."""

PATIENCE = "events are kept and it is tried again"

log = logging.getLogger(__name__)


class Link(Enum):
    """How the broker was last found."""

    UNTRIED = auto()
    UP = auto()
    LOST = auto()
    ABSENT = auto()
    REFUSED = auto()


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
        self._root = settings.root
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
        self._client = new_client(settings, will=(self._topic("availability"), "offline"))
        self._client.max_inflight_messages_set(2 * IN_FLIGHT)  # availability must not wait
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
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
        return f"{self._root}/{name}"

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
