"""MQTT publisher: finds a broker, and sends it what waits in the outbox and what is retained."""

import logging
import math
import socket
import time
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import msgspec
from paho.mqtt.reasoncodes import ReasonCode

from edge.publish.mqtt.client import DISCONNECT_TIMEOUT, MqttClient, MqttMessage, mqtt_properties
from edge.publish.mqtt.session import BrokerConnector
from edge.publish.mqtt.settings import MqttSettings, Topics
from edge.publish.outbox_sink import OutboxSink
from edge.publish.sink import SinkContext
from edge.terminal import plural

MAX_IN_FLIGHT = 20  # events that the broker was sent and has not acknowledged
MAX_PENDING_MESSAGES = 100  # neither events nor retained; beyond, the oldest is dropped
REJECTED_RETRY_SECONDS = 15.0  # pause before a broker that rejects events is offered them again
NO_BROKER_HINT = "to do without a broker, add `--no-mqtt`; to publish to another, `--mqtt URL`"
"""Advice for who has configured no broker and has none."""

log = logging.getLogger(__name__)


class MqttPublisher(OutboxSink):
    """Keeps a connection to the first broker that is there, and sends what waits to it.

    At most `MAX_IN_FLIGHT` events are on their way. After each connection they are sent anew from
    the oldest on: all arrive, in order, some of them twice. What follows from an event, such as the
    retained state, is sent after it. One thread publishes events and what is retained, any other
    messages. `_on_message` takes what comes on the `subscriptions`. Former names are cleared.
    """

    goodbye_s: ClassVar[float] = 1.0 + 2 * DISCONNECT_TIMEOUT

    def __init__(
        self, settings: MqttSettings, context: SinkContext, subscriptions: Sequence[str] = ()
    ) -> None:
        super().__init__("mqtt", settings.outbox, context)
        self._settings, self._subscriptions = settings, list(subscriptions)
        is_default = msgspec.structs.replace(settings, device=None) == MqttSettings()
        self._retained_topics = context.retained
        self._goodbye = MqttMessage(settings.topics.availability, b"offline", 1, retain=True)
        self._connector = BrokerConnector(
            settings,
            will=self._goodbye,
            topics=self._subscriptions,
            note="events are kept and it is tried again",
            hint=NO_BROKER_HINT if is_default else "",
        )
        # By topic: a message, and the number of events of which the last must be recorded first.
        self._retained: dict[str, tuple[MqttMessage, int]] = {}
        self._messages: deque[MqttMessage] = deque(maxlen=MAX_PENDING_MESSAGES)
        # A byte on its way through this pair ends the wait of the network thread.
        self._wakeup, self._wakeup_sender = socket.socketpair()
        for end in (self._wakeup, self._wakeup_sender):
            end.setblocking(False)
        # Of the network thread: what the present broker was given to retain, by topic.
        self._published: dict[str, MqttMessage] = {}
        self._republish_at = math.inf  # on the monotonic clock
        self._remembered: set[str] = set()  # topics that the present broker was given
        self._clearing: dict[int, str] = {}  # topics that are being cleared, by message id
        self._in_flight: dict[int, int] = {}  # numbers of the events on their way, by message id
        self._last_sent, self._send_events_at, self._rejected = 0, 0.0, False
        self._connections = 0
        self._client: MqttClient | None = None

    def __str__(self) -> str:
        return f"broker {self._connector.address}"

    @property
    def connected(self) -> bool | None:
        """Tell whether a broker is connected; None where no try has ended yet."""
        client = self._client  # the network thread may set it to None at any moment
        if client is not None and client.closed_reason is None:
            return True
        return False if self._connector.states else None

    @property
    def status_text(self) -> str:
        """The broker, its state, and the number of events that wait for it."""
        states = {True: "", None: " is being tried"}
        away = f" away, {plural(self.waiting, 'event waits', 'events wait')}"
        return f"{self}{states.get(self.connected, away)}"

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

    def publish_retained(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Have every broker that is found retain `payload` on `topic`, in place of an older one."""
        message = MqttMessage(topic, payload, qos, retain=True)
        if topic not in self._retained or self._retained[topic][0] != message:
            self._retained[topic] = message, self._submitted
            self._wake()

    def publish_message(self, message: MqttMessage) -> None:
        """Publish another message when a broker is there."""
        self._messages.append(message)
        self._wake()

    def close(self, timeout: float) -> None:
        """Publish what can be published within `timeout` seconds, say goodbye, end."""
        super().close(timeout)
        self._wakeup.close()
        self._wakeup_sender.close()

    def _wake(self) -> None:
        with suppress(OSError):  # full: it wakes anyway; closed: nobody waits any more
            self._wakeup_sender.send(b"\0")

    def _has_more(self) -> bool:
        return super()._has_more() or bool(self._messages or self._unpublished())

    def _on_message(self, message: MqttMessage) -> None:
        """Take what came on one of the subscriptions."""

    # The network thread.

    def _deliver(self) -> None:
        for client in self._connector.clients(self._stopping):
            self._connections += 1
            self._last_sent, self._in_flight = 0, {}  # all are sent anew
            self._published.clear()  # one that was restarted, or another one, knows nothing
            self._client = client
            self._clear_former(client)
            while client.closed_reason is None and not self._stopping.is_set():
                self._connector.poll(client, self._wakeup)
                self._process_acks(client)
                while client.incoming:
                    self._on_message(client.incoming.popleft())
                if time.monotonic() >= self._republish_at:
                    self._published.clear()
                    self._republish_at = math.inf
                # First: some of it follows from events that are sent now.
                retained = self._unpublished()
                self._send_events(client)
                self._send_messages(client, retained)
            if self._stopping.is_set():
                goodbye = client.publish(self._goodbye)
                client.wait(lambda: goodbye in dict(client.acks), DISCONNECT_TIMEOUT)  # noqa: B023
                self._process_acks(client)
            self._client = None

    def _unpublished(self) -> list[MqttMessage]:
        """Return what the present broker was not given to retain, and whose events are recorded."""
        recorded, published = self.recorded, self._published
        return [
            message
            for message, after in list(self._retained.values())
            if after <= recorded and published.get(message.topic) is not message
        ]

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
            log.info("%s: clears what has a former name: %s", self, ", ".join(former))
        for topic in former:
            self._clearing[client.publish(MqttMessage(topic, b"", 1, retain=True))] = topic

    def _remember(self, topics: Collection[str]) -> None:
        """Remember what this broker is given to retain, before it is."""
        if self._retained_topics is not None and not self._remembered.issuperset(topics):
            self._remembered |= set(topics)
            broker = str(self._connector.address)
            self._retained_topics.add(self._outbox.path, broker, self._remembered)

    def _process_acks(self, client: MqttClient) -> None:
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
                text = "%s: does not take events: %s; they are kept and offered again"
                log.warning(text, self, rejection)
            self._rejected = True
            self._send_events_at = time.monotonic() + REJECTED_RETRY_SECONDS
            self._last_sent, self._in_flight = 0, {}  # all are sent anew
        elif acknowledged and self._rejected:
            self._rejected = False
            log.info("%s: takes events again", self)

    def _send_events(self, client: MqttClient) -> None:
        # One that is accepted must not pass another that was rejected a moment ago.
        room = (1 if self._rejected else MAX_IN_FLIGHT) - len(self._in_flight)
        if room <= 0 or time.monotonic() < self._send_events_at:
            return
        for event in self._outbox.pending(self._last_sent, room):
            if not client.is_ready:
                return
            # What is too old for the outbox is too old for a subscriber.
            left = max(1, round(self._settings.outbox.max_age_s - self._outbox.age(event)))
            about: dict[str, Any] = {"ContentType": "application/json", "PayloadFormatIndicator": 1}
            properties = mqtt_properties(self._settings, MessageExpiryInterval=left, **about)
            camera = msgspec.json.decode(event.payload).get("camera", "")
            topic = Topics(self._settings.root, camera).event
            message = MqttMessage(topic, event.payload, 1, properties=properties)
            self._in_flight[client.publish(message)] = event.number
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
