"""MQTT publisher: finds a broker and sends everything that waits for it, in a thread of its own."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import ConfigError
from edge.publish.mqtt.client import (
    DISCONNECT_TIMEOUT,
    ConnectionRefusedByBroker,
    MqttClient,
    MqttMessage,
    Wakeup,
    format_error,
    publish_properties,
)
from edge.publish.mqtt.reconnect import BrokerState, ConnectAttempt, ReconnectPolicy
from edge.publish.mqtt.settings import Address, MqttSettings
from edge.publish.outbox import Outbox, PendingEvent

POLL_INTERVAL = 0.3
"""Seconds that the thread waits at most for something to do."""

FLUSH_INTERVAL = 1.0
"""Seconds after which acknowledged events leave the disk, if no event is recorded before."""

MAX_IN_FLIGHT = 20
"""Events that the broker was sent and has not acknowledged."""

MAX_PENDING_MESSAGES = 100
"""Messages, neither events nor retained, that wait for a broker; beyond, the oldest is dropped."""

REJECTED_RETRY_SECONDS = 15.0
"""Pause before events are sent again to a broker that lets this client in and rejects them."""

EVENTS_KEPT = "events are kept and it is tried again"

log = logging.getLogger(__name__)


class MqttPublisher:
    """Keeps a connection to the first broker that is there, and sends what waits to it.

    Events are recorded in the outbox first, and stay there until the broker has acknowledged them;
    at most `MAX_IN_FLIGHT` are on their way. After each connection they are sent anew from the
    oldest on: all arrive, in order, some of them twice. What follows from an event, such as the
    retained state, is sent after it. Any thread may call.

    Args:
        settings: which brokers, and how they are spoken to.
        outbox: the events; open before `start`.
        subscriptions: topics to subscribe to.
        on_message: takes each message that comes, in the publisher's thread.

    Attributes:
        address: the broker that is connected or was tried last.
        connections: how often a broker let this client in.
        dropped: events that were not recorded, because too many waited for the disk.
        error: what ended the thread, if it failed.
    """

    def __init__(
        self,
        settings: MqttSettings,
        outbox: Outbox,
        subscriptions: Sequence[str] = (),
        on_message: Callable[[MqttMessage], None] = lambda message: None,
    ) -> None:
        self.address = settings.addresses[0]
        self.connections = 0
        self.dropped = 0
        self.error: Exception | None = None
        self._settings = settings
        self._outbox = outbox
        self._subscriptions = subscriptions
        self._on_message = on_message
        # Handed over by other threads, under the lock.
        self._lock = threading.Lock()
        self._unrecorded: deque[bytes] = deque()
        self._submitted = 0
        self._retained: dict[str, MqttMessage] = {}
        self._changed: dict[str, MqttMessage] = {}
        self._republish_at = math.inf
        self._messages: deque[MqttMessage] = deque(maxlen=MAX_PENDING_MESSAGES)
        self._wakeup = Wakeup()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        # The connection.
        self._untried: deque[Address] = deque()
        self._policy = ReconnectPolicy()
        self._retry_at = 0.0
        self._attempt: ConnectAttempt | None = None
        self._client: MqttClient | None = None
        # Events on their way.
        self._in_flight: dict[int, int] = {}  # numbers of events, by message id
        self._last_sent = 0
        self._rejected = False
        self._send_events_at = 0.0
        self._flush_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether a broker is connected."""
        client = self._client  # the publisher's thread may set it to None at any moment
        return client is not None and client.closed_reason is None

    @property
    def unrecorded(self) -> int:
        """How many events are not recorded yet."""
        return self._submitted - self.dropped - self._outbox.recorded

    def start(self) -> None:
        """Look for a broker, now and for as long as it takes."""
        self._thread.start()

    def publish_event(self, payload: bytes) -> None:
        """Have an event recorded, and published when a broker is there."""
        with self._lock:
            self._submitted += 1
            if len(self._unrecorded) >= self._settings.outbox.max_events:
                self._unrecorded.popleft()
                self.dropped += 1
            self._unrecorded.append(payload)
        self._wakeup.set()

    def publish_retained(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Have every broker that is found retain `payload` on `topic`, in place of an older one."""
        message = MqttMessage(topic, payload, qos, retain=True)
        with self._lock:
            if self._retained.get(topic) != message:
                self._retained[topic] = self._changed[topic] = message
        self._wakeup.set()

    def republish_retained(self, delay: float) -> None:
        """Publish everything retained once more, `delay` seconds from now."""
        self._republish_at = time.monotonic() + delay

    def publish(self, message: MqttMessage) -> None:
        """Publish another message when a broker is there."""
        self._messages.append(message)
        self._wakeup.set()

    def flush(self, timeout: float) -> bool:
        """Wait until every event so far is recorded; return whether it is."""
        deadline = time.monotonic() + timeout
        while self.unrecorded > 0:
            if self.error is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def stop(self, timeout: float) -> None:
        """Publish what can be published within `timeout` seconds, disconnect, end."""
        deadline = time.monotonic() + timeout
        self.flush(timeout)
        while self._can_deliver_more() and time.monotonic() < deadline:
            time.sleep(0.02)
        self._stopping.set()
        self._wakeup.set()
        if self._thread.is_alive():
            self._thread.join(1.0)
        if self._attempt is not None:
            self._attempt.cancel()
        if self._client is not None:
            self._disconnect(self._client)
        self._wakeup.close()

    def _can_deliver_more(self) -> bool:
        """Tell whether something waits that may still be published; the disk keeps what is not."""
        waits = bool(self._messages) or len(self._outbox) > 0
        may_connect = self.connected or not self._policy.has_tried
        return waits and self._thread.is_alive() and (may_connect or not self._outbox.durable)

    # The publisher's thread.

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._step()
        except Exception as error:
            self.error = error

    def _step(self) -> None:
        """Wait for something to do, and do it."""
        client = self._client
        if client is None:
            self._keep_connecting()
        elif client.closed_reason is not None:
            self._on_disconnected(client)
        else:
            client.poll(POLL_INTERVAL, self._wakeup)
            self._receive(client)
        retained = self._changed_messages()  # first: some may follow from the events below
        self._record_events()
        if self._client is not None:
            self._send_events(self._client)
            self._send_messages(self._client, retained)

    # Connecting.

    def _keep_connecting(self) -> None:
        """Try the next broker when it is time, and see what came of the try."""
        delay = self._retry_at - time.monotonic()
        if self._attempt is not None and self._attempt.result is not None:
            result = self._attempt.result
            self._attempt = None
            self._on_connect_result(result)
        elif self._attempt is not None:
            self._wakeup.wait(POLL_INTERVAL)
        elif delay > 0:
            self._wakeup.wait(min(delay, POLL_INTERVAL))
        else:
            if not self._untried:
                self._untried.extend(self._settings.addresses)
            self.address = self._untried.popleft()
            self._attempt = ConnectAttempt(self._settings, self.address, self._wakeup)

    def _on_connect_result(self, result: MqttClient | Exception) -> None:
        match result:
            case MqttClient():
                self._on_connected(result)
                return
            case ConfigError():
                state, text = BrokerState.REFUSED, f"{result}; {EVENTS_KEPT}"
            case ConnectionRefusedByBroker():
                state, text = BrokerState.REFUSED, format_error(result)
            case OSError():
                state, text = BrokerState.UNREACHABLE, f"{format_error(result)}; {EVENTS_KEPT}"
            case _:
                raise result
        self._policy.report(self.address, state, text)
        if not self._untried:
            self._retry_at = time.monotonic() + self._policy.next_delay()

    def _on_connected(self, client: MqttClient) -> None:
        self.connections += 1
        self._untried.clear()
        self._resend_events()
        self._mark_all_changed()  # a broker that was restarted, or another one, knows nothing
        client.subscribe(self._subscriptions)
        self._client = client
        self._policy.report(self.address, BrokerState.CONNECTED, "connected")

    def _on_disconnected(self, client: MqttClient) -> None:
        self._client = None
        client.disconnect()
        text = f"connection lost: {client.closed_reason}; {EVENTS_KEPT}"
        self._policy.report(self.address, BrokerState.LOST, text)
        self._retry_at = time.monotonic() + self._policy.next_delay()

    def _disconnect(self, client: MqttClient) -> None:
        """Announce the end where a broker is there to hear it."""
        topic = self._settings.topics.availability
        goodbye = client.publish(MqttMessage(topic, b"offline", 1, retain=True))
        deadline = time.monotonic() + DISCONNECT_TIMEOUT
        acknowledged = False
        while not acknowledged and client.closed_reason is None and time.monotonic() < deadline:
            client.poll(0.05)
            acknowledged = any(message_id == goodbye for message_id, _ in client.acks)
        self._process_acks(client)
        client.disconnect()
        self._client = None

    # Receiving.

    def _receive(self, client: MqttClient) -> None:
        self._process_acks(client)
        while client.incoming:
            self._on_message(client.incoming.popleft())
        while client.suback_results:
            results = client.suback_results.popleft()
            for topic, reason in zip(self._subscriptions, results, strict=False):
                if reason.is_failure:
                    log.warning("broker %s: does not let this client hear %s", self.address, topic)

    def _process_acks(self, client: MqttClient) -> None:
        """Take what was acknowledged out of the outbox."""
        acknowledged: list[int] = []
        rejection: ReasonCode | None = None
        while client.acks:
            message_id, reason = client.acks.popleft()
            number = self._in_flight.pop(message_id, None)
            if number is not None and reason.is_failure:
                rejection = reason
            elif number is not None:
                acknowledged.append(number)
        self._outbox.ack(acknowledged)
        if rejection is not None:
            self._on_rejected(rejection)
        elif acknowledged and self._rejected:
            self._rejected = False
            log.info("broker %s: takes events again", self.address)

    def _on_rejected(self, reason: ReasonCode) -> None:
        """Send no events for a while, and then all again that are not acknowledged."""
        if not self._rejected:
            log.warning(
                "broker %s: does not take events: %s; they are kept and offered again",
                *(self.address, reason),
            )
        self._rejected = True
        self._send_events_at = time.monotonic() + REJECTED_RETRY_SECONDS
        self._resend_events()

    # Sending.

    def _changed_messages(self) -> list[MqttMessage]:
        """Return the retained messages that the broker does not have yet."""
        if time.monotonic() >= self._republish_at:
            self._mark_all_changed()
        with self._lock:
            return list(self._changed.values())

    def _mark_all_changed(self) -> None:
        with self._lock:
            self._changed = dict(self._retained)
        self._republish_at = math.inf

    def _record_events(self) -> None:
        with self._lock:
            events = list(self._unrecorded)
            self._unrecorded.clear()
        if events or time.monotonic() >= self._flush_at:
            self._outbox.record(events)  # all together: the disk takes its time only once
            self._flush_at = time.monotonic() + FLUSH_INTERVAL

    def _send_events(self, client: MqttClient) -> None:
        # One that is accepted must not pass another that was rejected a moment ago.
        room = (1 if self._rejected else MAX_IN_FLIGHT) - len(self._in_flight)
        if room <= 0 or time.monotonic() < self._send_events_at:
            return
        for event in self._outbox.pending(self._last_sent, room):
            if not client.is_ready:
                return
            self._in_flight[client.publish(self._to_message(event))] = event.number
            self._last_sent = event.number

    def _resend_events(self) -> None:
        """Send the events anew, from the oldest that is not acknowledged."""
        self._last_sent = 0
        self._in_flight.clear()

    def _send_messages(self, client: MqttClient, retained: Sequence[MqttMessage]) -> None:
        for message in retained:
            if not client.is_ready:
                return
            client.publish(message)
            with self._lock:
                if self._changed.get(message.topic) is message:
                    del self._changed[message.topic]
        while self._messages and client.is_ready:
            client.publish(self._messages.popleft())

    def _to_message(self, event: PendingEvent) -> MqttMessage:
        age = self._outbox.age(event)
        properties = publish_properties(
            self._settings,
            ContentType="application/json",
            PayloadFormatIndicator=1,
            # What is too old for the outbox is too old for a subscriber.
            MessageExpiryInterval=max(1, round(self._settings.outbox.max_age_s - age)),
        )
        return MqttMessage(self._settings.topics.event, event.payload, 1, properties=properties)
