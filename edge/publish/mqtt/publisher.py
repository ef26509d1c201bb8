"""MQTT publisher: records events, finds a broker, and sends it everything that waits."""

import logging
import math
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from paho.mqtt.reasoncodes import ReasonCode

from edge.pipeline.worker import BoundedQueue, Worker
from edge.publish.mqtt.client import DISCONNECT_TIMEOUT, MqttClient, MqttMessage, mqtt_properties
from edge.publish.mqtt.session import BrokerConnector
from edge.publish.mqtt.settings import Address, MqttSettings, Topics
from edge.publish.outbox import Outbox
from edge.publish.outbox_store import PendingEvent
from edge.publish.retained import RetainedTopics
from edge.terminal import plural

FLUSH_INTERVAL = 1.0
"""Seconds after which acknowledged events leave the disk, if no event is recorded before."""

MAX_IN_FLIGHT = 20
"""Events that the broker was sent and has not acknowledged."""

MAX_PENDING_MESSAGES = 100
"""Messages, neither events nor retained, that wait for a broker; beyond, the oldest is dropped."""

REJECTED_RETRY_SECONDS = 15.0
"""Pause before events are sent again to a broker that lets this client in and rejects them."""

NO_BROKER_HINT = (
    "to look without a broker: `emotiond run --web --no-mqtt`; to publish to another: `--mqtt URL`"
)
"""Advice for who has configured no broker and has none."""

log = logging.getLogger(__name__)


class MqttPublisher:
    """Keeps a connection to the first broker that is there, and sends what waits to it.

    Events are recorded in the outbox first, by a thread of its own, and stay there until the broker
    has acknowledged them; at most `MAX_IN_FLIGHT` are on their way. After each connection they are
    sent anew from the oldest on: all arrive, in order, some of them twice. What follows from an
    event, such as the retained state, is sent after it. One thread publishes events and what is
    retained; any other may publish messages. The outbox is open before `start`, and `close` closes
    it. `on_message` takes what comes on the `subscriptions`, in the network thread. `retained` is
    what the config's sinks had brokers retain: what is of former names is cleared.
    """

    def __init__(
        self,
        settings: MqttSettings,
        outbox: Outbox,
        subscriptions: Sequence[str] = (),
        on_message: Callable[[MqttMessage], None] = lambda message: None,
        retained: RetainedTopics | None = None,
    ) -> None:
        self._connections = self._undelivered = 0
        self._settings, self._outbox = settings, outbox
        self._subscriptions, self._on_message = subscriptions, on_message
        self._goodbye = MqttMessage(settings.topics.availability, b"offline", 1, retain=True)
        self._stopping = threading.Event()
        self._workers = (
            Worker("outbox", self._record, finish=lambda: None),
            Worker("mqtt", self._connect_and_send, finish=lambda: None),
        )
        # From the publishing thread to the one that records, which then lets what follows from an
        # event be published.
        self._unrecorded: BoundedQueue[bytes] = BoundedQueue(settings.outbox.max_events, False)
        self._submitted = 0
        self._retained: dict[str, MqttMessage] = {}
        self._publishable: dict[str, MqttMessage] = {}
        self._messages: deque[MqttMessage] = deque(maxlen=MAX_PENDING_MESSAGES)
        # A byte on its way through this pair ends the wait of the network thread.
        self._wakeup, self._wakeup_sender = socket.socketpair()
        for end in (self._wakeup, self._wakeup_sender):
            end.setblocking(False)
        # Of the network thread: what the present broker was given to retain, by topic.
        self._published: dict[str, MqttMessage] = {}
        self._retained_topics = retained
        self._remembered: set[str] = set()
        self._clearing: dict[int, str] = {}  # topics that are being cleared, by message id
        self._republish_at = math.inf
        self._connector = BrokerConnector(
            settings.addresses,
            self._open_client,
            note="events are kept and it is tried again",
            hint=NO_BROKER_HINT if settings.is_default else "",
        )
        self._client: MqttClient | None = None
        self._in_flight: dict[int, int] = {}  # numbers of the events on their way, by message id
        self._last_sent, self._send_events_at = 0, 0.0
        self._rejected = False

    @property
    def connected(self) -> bool | None:
        """Tell whether a broker is connected; None where no try has ended yet."""
        client = self._client  # the network thread may set it to None at any moment
        if client is not None and client.closed_reason is None:
            return True
        return False if self._connector.states else None

    @property
    def error(self) -> Exception | None:
        """The error that ended one of the threads."""
        return next((worker.error for worker in self._workers if worker.error), None)

    @property
    def dropped(self) -> int:
        """Events beyond the outbox's bounds, or neither delivered nor on disk at the end."""
        return self._unrecorded.dropped + self._outbox.dropped + self._undelivered

    @property
    def unrecorded(self) -> int:
        """Number of events that are not recorded yet."""
        return self._submitted - self._unrecorded.dropped - self._outbox.recorded

    @property
    def waiting(self) -> int:
        """Number of events that the broker has not acknowledged."""
        return self.unrecorded + len(self._outbox)

    @property
    def status_text(self) -> str:
        """The broker, its state, and the number of events that wait for it."""
        states = {True: "", None: " is being tried"}
        waiting = plural(self.waiting, "event waits", "events wait")
        state = states.get(self.connected, f" away, {waiting}")
        return f"broker {self._connector.address}{state}"

    def stats(self) -> dict[str, Any]:
        """Return the numbers of broker and outbox as plain values."""
        return {
            "address": str(self._connector.address),
            "connections": self._connections,
            "waiting": self.waiting,
            "recorded": self._outbox.recorded,
            "dropped": self.dropped,
            "durable": self._outbox.durable,
        }

    def start(self) -> None:
        """Look for a broker, now and for as long as it takes."""
        for worker in self._workers:
            worker.start()

    def publish_event(self, payload: bytes) -> None:
        """Have an event recorded, and published when a broker is there."""
        self._submitted += 1
        self._unrecorded.put(payload)

    def publish_retained(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Have every broker that is found retain `payload` on `topic`, in place of an older one."""
        message = MqttMessage(topic, payload, qos, retain=True)
        if self._retained.get(topic) != message:
            self._retained[topic] = message
            self._unrecorded.wake()

    def republish_retained(self, delay: float) -> None:
        """Publish everything retained once more, `delay` seconds from now."""
        self._republish_at = time.monotonic() + delay

    def publish_message(self, message: MqttMessage) -> None:
        """Publish another message when a broker is there."""
        self._messages.append(message)
        self._wake()

    def flush(self, timeout: float) -> bool:
        """Wait until every event so far is recorded; return whether it is."""
        deadline = time.monotonic() + timeout
        while self.unrecorded > 0:
            if self.error is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def close(self, timeout: float) -> None:
        """Publish what can be published within `timeout` seconds, disconnect, end."""
        deadline = time.monotonic() + timeout
        self.flush(timeout)
        while self._can_deliver_more() and time.monotonic() < deadline:
            time.sleep(0.02)
        for worker in self._workers:
            worker.stop()
        self._stopping.set()
        self._unrecorded.wake()
        self._wake()
        # To a broker that is there it says goodbye; in the middle of a try, nobody waits for it.
        patience = 1.0 + 2 * DISCONNECT_TIMEOUT if self.connected else 0.5
        for worker in self._workers:
            if worker.alive:
                worker.join(patience)
        self._wakeup.close()
        self._wakeup_sender.close()
        self._outbox.close()
        kept, lost = len(self._outbox), self.unrecorded
        if not self._outbox.durable:
            kept, lost = 0, kept + lost
        if kept:
            waiting = plural(kept, "event waits", "events wait")
            log.info("%s: %s for the next run", self._outbox.path, waiting)
        if lost:
            self._undelivered += lost
            told = plural(lost, "event was", "events were")
            log.warning("broker %s: %s not delivered", self._connector.address, told)

    def _wake(self) -> None:
        with suppress(OSError):  # full: it wakes anyway; closed: nobody waits any more
            self._wakeup_sender.send(b"\0")

    def _can_deliver_more(self) -> bool:
        """Tell whether something waits that may still be published; the disk keeps what is not."""
        waits = self._messages or self._unpublished(self._retained) or len(self._outbox) > 0
        may_connect = self.connected is not False
        alive = all(worker.alive for worker in self._workers)
        return bool(waits) and alive and (may_connect or not self._outbox.durable)

    # The thread that records.

    def _record(self) -> None:
        events = [self._unrecorded.get(FLUSH_INTERVAL)]
        retained = dict(self._retained)  # before the rest: all that it follows from is among them
        # All together: the disk takes its time only once.
        events += [self._unrecorded.get(0.0) for _ in range(len(self._unrecorded))]
        self._outbox.record([event for event in events if event is not None])
        self._publishable = retained
        self._wake()

    # The network thread.

    def _connect_and_send(self) -> None:
        for client in self._connector.clients(self._stopping):
            self._connections += 1
            self._last_sent, self._in_flight = 0, {}  # all are sent anew
            self._published.clear()  # one that was restarted, or another one, knows nothing
            client.subscribe(self._subscriptions)
            self._client = client
            self._clear_former(client)
            while client.closed_reason is None and not self._stopping.is_set():
                self._connector.poll(client, self._wakeup)
                self._receive(client)
                if time.monotonic() >= self._republish_at:
                    self._published.clear()
                    self._republish_at = math.inf
                # First: some of it follows from events that are sent now.
                retained = self._unpublished(self._publishable)
                self._send_events(client)
                self._send_messages(client, retained)
            if self._stopping.is_set():
                goodbye = client.publish(self._goodbye)
                client.wait(lambda: goodbye in dict(client.acks), DISCONNECT_TIMEOUT)  # noqa: B023
                self._process_acks(client)
            self._client = None

    def _unpublished(self, retained: Mapping[str, MqttMessage]) -> list[MqttMessage]:
        """Return what the present broker was not given to retain."""
        return [one for one in list(retained.values()) if self._published.get(one.topic) is not one]

    def _open_client(self, address: Address) -> MqttClient:
        client = MqttClient(self._settings, address, will=self._goodbye)
        client.connect()
        return client

    def _clear_former(self, client: MqttClient) -> None:
        """Clear what this broker retains under former names; remember what it is to retain now."""
        self._clearing = {}
        if self._retained_topics is None:
            return
        broker, outbox = str(self._connector.address), self._outbox.path
        former = self._retained_topics.former(outbox, broker)
        former = [topic for topic in former if topic not in self._retained]
        self._remembered = set()
        self._remember(self._retained)
        if former:
            log.info("broker %s: clears what has a former name: %s", broker, ", ".join(former))
        for topic in former:
            message = MqttMessage(topic, b"", 1, retain=True)
            self._clearing[client.publish(message)] = topic

    def _remember(self, topics: Collection[str]) -> None:
        """Remember what this broker is given to retain, before it is."""
        if self._retained_topics is not None and not self._remembered.issuperset(topics):
            self._remembered |= set(topics)
            broker = str(self._connector.address)
            self._retained_topics.add(self._outbox.path, broker, self._remembered)

    def _receive(self, client: MqttClient) -> None:
        self._process_acks(client)
        while client.incoming:
            self._on_message(client.incoming.popleft())
        while client.suback_results:
            results = client.suback_results.popleft()
            for topic, reason in zip(self._subscriptions, results, strict=False):
                if reason.is_failure:
                    text = "broker %s: does not let this client hear %s"
                    log.warning(text, self._connector.address, topic)

    def _process_acks(self, client: MqttClient) -> None:
        """Take what was acknowledged out of the outbox."""
        acknowledged: list[int] = []
        rejection: ReasonCode | None = None
        while client.acks:
            message_id, reason = client.acks.popleft()
            topic = self._clearing.pop(message_id, None)
            if topic is not None and self._retained_topics is not None and not reason.is_failure:
                self._retained_topics.forget(str(self._connector.address), topic)
            number = self._in_flight.pop(message_id, None)
            if number is not None and reason.is_failure:
                rejection = reason
            elif number is not None:
                acknowledged.append(number)
        self._outbox.ack(acknowledged)
        if rejection is not None:
            if not self._rejected:
                text = "broker %s: does not take events: %s; they are kept and offered again"
                log.warning(text, self._connector.address, rejection)
            self._rejected = True
            self._send_events_at = time.monotonic() + REJECTED_RETRY_SECONDS
            self._last_sent, self._in_flight = 0, {}  # all are sent anew
        elif acknowledged and self._rejected:
            self._rejected = False
            log.info("broker %s: takes events again", self._connector.address)

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

    def _send_messages(self, client: MqttClient, retained: Sequence[MqttMessage]) -> None:
        self._remember([message.topic for message in retained])
        for message in retained:
            if not client.is_ready:
                return
            client.publish(message)
            self._published[message.topic] = message
        while self._messages and client.is_ready:
            client.publish(self._messages.popleft())

    def _to_message(self, event: PendingEvent) -> MqttMessage:
        age = self._outbox.age(event)
        properties = mqtt_properties(
            self._settings,
            ContentType="application/json",
            PayloadFormatIndicator=1,
            # What is too old for the outbox is too old for a subscriber.
            MessageExpiryInterval=max(1, round(self._settings.outbox.max_age_s - age)),
        )
        camera = msgspec.json.decode(event.payload, type=_EventCamera).camera
        topic = Topics(self._settings.root, camera).event
        return MqttMessage(topic, event.payload, 1, properties=properties)


class _EventCamera(msgspec.Struct, frozen=True):
    """The camera of an event, where there are several."""

    camera: str = ""
