"""Everything the daemon says and hears over MQTT."""

import logging
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.errors import EmotiondError
from edge.pipeline.worker import BoundedQueue
from edge.publish.homeassistant import Device, discovery, discovery_topic, status_topic
from edge.publish.mqtt.client import new_client
from edge.publish.mqtt.commands import MqttCommandHandler
from edge.publish.mqtt.log_handler import MqttLogHandler
from edge.publish.mqtt.message import IncomingMessage, OutgoingMessage
from edge.publish.mqtt.publisher import MqttPublisher
from edge.publish.mqtt.retained import RetainedMessages
from edge.publish.mqtt.settings import MqttSettings
from edge.publish.mqtt.state import DeviceState
from edge.publish.outbox import Outbox
from edge.publish.payload import encode_event, encode_face, encode_stats
from edge.publish.sink import Sink
from edge.service.commands import Catalog, CommandQueue
from edge.types import DaemonStatus, EmotionEvent, FaceSnapshot, SinkRecord, Stats

BATCH = 200
"""Events recorded at once, where so many wait: what a disk takes of time is one wait for all."""

TIDY_SECONDS = 1.0
"""After which what the broker has acknowledged leaves the disk, if no event comes before."""

SHYNESS = (0.5, 3.0)
"""Seconds, at least and at most, after which a Home Assistant that came up is greeted: a fleet that
greets it all at once would overwhelm it."""

log = logging.getLogger(__name__)


class MqttSink:
    """Publishes events, state, stats and what else subscribers may want, and hears commands.

    A thread of its own, the courier's, takes each event into the outbox and from there to the
    broker: neither the disk nor the broker makes the caller wait.

    Args:
        settings: which broker, and what it is told.
        outbox: the file of events that the broker has not acknowledged.
        desk: where commands are submitted; None takes none.
        catalog: what they may choose from.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
    """

    def __init__(
        self,
        settings: MqttSettings,
        outbox: Path,
        desk: CommandQueue | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        new_client(settings, settings.topics.id)  # what is wrong with it is said before the start
        self._settings = settings
        self._topics = settings.topics
        self._desk = desk
        self._catalog = catalog or Catalog()
        self._prepared = self._started = False
        self._state = DeviceState()
        self._lock = threading.Lock()
        self._lost = 0
        self._handed_in = 0
        self._greet_at: float | None = None
        self._outbox = Outbox(outbox, settings.outbox)
        self._board = RetainedMessages()
        self._board.pin(self._topics.availability, b"online", qos=1)
        self._courier = MqttPublisher(
            settings,
            self._outbox,
            self._board,
            subscriptions=self._subscriptions(),
            hear=self._hear,
            chores=self._do_chores,
        )
        self._requests = MqttCommandHandler(settings, desk, self._courier.send) if desk else None
        self._journal = MqttLogHandler(self._tell)
        self._intake: BoundedQueue[bytes] = BoundedQueue(settings.outbox.events, lossless=False)
        self._tidy_at = 0.0

    def prepare(self, closed_first: Sequence[Sink] = ()) -> None:
        """Lock and open the outbox, unless a sink that is closed first has it until then.

        Raises:
            EmotiondError: another process uses the outbox.
        """
        path = self._outbox.path
        if any(isinstance(one, MqttSink) and one._outbox.path == path for one in closed_first):
            return
        self._prepared = True
        self._journal.open()  # first: what the outbox has to say is to be told as well
        try:
            self._outbox.open()
        except EmotiondError:
            self._journal.close()
            self._prepared = False
            raise

    def start(self) -> None:
        """Open the outbox, and look for the broker, now and for as long as it takes.

        Raises:
            EmotiondError: another process uses the outbox.
        """
        if not self._prepared:
            self.prepare()
        self._started = True
        self._courier.start()

    @property
    def dropped(self) -> int:
        """Events beyond the outbox's bounds, or neither delivered nor on disk at the end."""
        return self._intake.dropped + self._outbox.dropped + self._lost

    @property
    def connected(self) -> bool:
        """Whether a broker is there."""
        return self._courier.up

    @property
    def condition(self) -> str:
        """Which broker, whether it is there, and how many events wait for it."""
        away = "" if self.connected else f" away, {self.waiting} events wait"
        return f"broker {self._courier.address}{away}"

    @property
    def waiting(self) -> int:
        """How many events the broker has not acknowledged."""
        return len(self._outbox) + len(self._intake)

    def publish(self, record: SinkRecord) -> None:
        """Take in an event, or how things are now."""
        if self._courier.error is not None:
            raise self._courier.error
        match record:
            case EmotionEvent():
                self._take(record)
            case FaceSnapshot():
                self._look(record)
            case DaemonStatus():
                self._set(record)
            case Stats():
                self._board.pin(self._topics.stats, encode_stats(record, self._broker()))
        self._courier.wake()

    def flush(self, timeout: float) -> bool:
        """Wait until every event so far lies in the outbox; return whether it does."""
        deadline = time.monotonic() + timeout
        while self._outbox.recorded + self._intake.dropped < self._handed_in:
            if self._courier.error is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def close(self, timeout: float) -> None:
        """Wait for acknowledgements, say goodbye, disconnect."""
        deadline = time.monotonic() + timeout
        if self._started:
            self.flush(timeout)
            self._courier.stop(max(0.0, deadline - time.monotonic()))
        if self._prepared:
            self._journal.close()
            self._outbox.close()
        if self._started:
            self._tell_of_rest()

    def _take(self, event: EmotionEvent) -> None:
        payload = encode_event(event)
        with self._lock:
            self._state.update(event)
        self._handed_in += 1
        self._intake.put(payload)

    def _look(self, sight: FaceSnapshot) -> None:
        with self._lock:
            self._state.look(sight)
        self._pin_state()
        if self._settings.faces and self.connected:  # later, they would be of no use
            for face in sight.faces:
                topic = self._topics.face(face.track.track_id)
                self._courier.send(OutgoingMessage(topic, encode_face(face, sight)))

    def _set(self, status: DaemonStatus) -> None:
        homeassistant = self._settings.homeassistant
        if homeassistant is not None:  # first: the state may show a class that is new to it
            topic = discovery_topic(homeassistant, self._topics.root)
            self._board.pin(topic, discovery(self._device(status)), qos=1)
        with self._lock:
            self._state.set(status)
        self._pin_state()

    def _pin_state(self) -> None:
        with self._lock:
            self._board.pin(self._topics.state, self._state.encode())

    def _do_chores(self) -> None:
        """Do what is the sink's own, in the courier's thread."""
        self._record()
        self._greet()

    def _record(self) -> None:
        """SinkRecord what waits, and only then say that it is so."""
        batch = self._intake.get_all(timeout=0, limit=BATCH) if len(self._intake) else []
        if batch or time.monotonic() >= self._tidy_at:
            self._outbox.record(batch)  # without any, what is overdue on disk is done
            self._tidy_at = time.monotonic() + TIDY_SECONDS
        if batch:
            self._pin_state()

    def _tell(self, payload: bytes) -> None:
        self._courier.send(OutgoingMessage(self._topics.log, payload))

    def _tell_of_rest(self) -> None:
        kept, lost = len(self._outbox), len(self._intake)
        if not self._outbox.durable:
            kept, lost = 0, kept + lost
        if kept:
            log.info("%s: %d events wait for the next run", self._outbox.path, kept)
        if lost:
            self._lost += lost
            log.warning("broker %s: %d events were not delivered", self._courier.address, lost)

    def _broker(self) -> dict[str, Any]:
        return {
            "address": self._courier.address,
            "connections": self._courier.connections,
            "waiting": self.waiting,
            "recorded": self._outbox.recorded,
            "dropped": self.dropped,
            "durable": self._outbox.durable,
        }

    # What is heard.

    def _subscriptions(self) -> list[str]:
        topics = list(self._topics.commands) if self._desk else []
        if self._settings.homeassistant is not None:
            topics.append(status_topic(self._settings.homeassistant))
        return topics

    def _hear(self, message: IncomingMessage) -> None:
        if message.topic.startswith(f"{self._topics.root}/"):
            if self._requests is not None:
                self._requests.take(message)
        elif message.payload == b"online":  # Home Assistant came up
            self._greet_at = time.monotonic() + random.uniform(*SHYNESS)

    def _greet(self) -> None:
        """Tell a Home Assistant that came up of this device, once it is time."""
        if self._greet_at is not None and time.monotonic() >= self._greet_at:
            self._greet_at = None
            self._board.renew()

    def _device(self, status: DaemonStatus) -> Device:
        commands = {command.value for command in self._settings.commands} if self._desk else set()
        return Device(
            root=self._topics.root,
            name=self._settings.name,
            labels=status.labels,
            models=tuple(self._catalog.models),
            commands=frozenset(commands),
            pictures=self._catalog.allow_snapshots,
            temperature=status.has_temperature,
            other_labels=self._catalog.labels,
        )
