"""MQTT sink: everything the daemon publishes over MQTT, and the commands it takes there."""

import logging
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import EmotiondError
from edge.publish.events import encode_event, plain_stats, utc
from edge.publish.homeassistant import discovery, discovery_topic, status_topic
from edge.publish.mqtt.client import MqttMessage, create_paho_client
from edge.publish.mqtt.commands import MqttCommandHandler
from edge.publish.mqtt.publisher import MqttPublisher
from edge.publish.mqtt.settings import MqttSettings
from edge.publish.outbox import Outbox
from edge.publish.sink import Sink
from edge.service.commands import Catalog, CommandQueue
from edge.terminal import RepeatFilter, repetition
from edge.types import (
    UNCERTAIN,
    DaemonStatus,
    EmotionEvent,
    EventType,
    FaceSnapshot,
    SinkRecord,
    Stats,
)

REANNOUNCE_DELAY = (0.5, 3.0)
"""Seconds, at least and at most, after which the device is announced to a Home Assistant that came
up: a fleet that does so all at once would overwhelm it."""

MAX_LOG_CHARACTERS = 1000
"""Of a message on the log topic; a traceback stays in the journal."""

log = logging.getLogger(__name__)


class MqttSink:
    """Publishes events, state, stats and what else subscribers may want, and takes commands.

    The publisher has threads of its own, which take each event into the outbox and from there to
    the broker: neither the disk nor the broker makes the caller wait.

    Args:
        settings: which broker, and what it gets.
        outbox: the file of events that the broker has not acknowledged.
        command_queue: takes commands; None takes none.
        catalog: what they may choose from.

    Raises:
        ConfigError: a secret or a TLS file cannot be used.
    """

    def __init__(
        self,
        settings: MqttSettings,
        outbox: Path,
        command_queue: CommandQueue | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        create_paho_client(settings, settings.topics.id)  # what is wrong with it is said now
        self._settings = settings
        self._topics = settings.topics
        self._catalog = catalog or Catalog()
        self._prepared = self._started = False
        self._state = DeviceState()
        self._undelivered = 0
        self._outbox = Outbox(outbox, settings.outbox)
        topics = list(self._topics.commands) if command_queue is not None else []
        if settings.homeassistant is not None:
            topics.append(status_topic(settings.homeassistant))
        self._publisher = MqttPublisher(settings, self._outbox, topics, self._on_message)
        self._publisher.publish_retained(self._topics.availability, b"online", qos=1)
        self._command_handler: MqttCommandHandler | None = None
        if command_queue is not None:
            publish = self._publisher.publish
            self._command_handler = MqttCommandHandler(settings, command_queue, publish)
        self._log_handler = MqttLogHandler(
            lambda payload: self._publisher.publish(MqttMessage(self._topics.log, payload))
        )

    def prepare(self, closed_first: Sequence[Sink] = ()) -> None:
        """Lock and open the outbox, unless a sink that is closed first has it until then.

        Raises:
            EmotiondError: another process uses the outbox.
        """
        path = self._outbox.path
        if any(isinstance(one, MqttSink) and one._outbox.path == path for one in closed_first):
            return
        self._prepared = True
        self._log_handler.attach()  # first: what the outbox logs is published as well
        try:
            self._outbox.open()
        except EmotiondError:
            self._log_handler.close()
            self._prepared = False
            raise

    def start(self) -> None:
        """Look for the broker, now and for as long as it takes; errors are as of `prepare`."""
        if not self._prepared:
            self.prepare()
        self._started = True
        self._publisher.start()

    @property
    def dropped(self) -> int:
        """Events beyond the outbox's bounds, or neither delivered nor on disk at the end."""
        return self._publisher.dropped + self._outbox.dropped + self._undelivered

    @property
    def connected(self) -> bool:
        """Tell whether a broker is connected."""
        return bool(self._publisher.connected)

    @property
    def status_text(self) -> str:
        """The broker, its state, and the number of events that wait for it."""
        connected = self._publisher.connected
        state = " is being tried" if connected is None else f" away, {self.waiting} events wait"
        return f"broker {self._publisher.address}{'' if connected else state}"

    @property
    def waiting(self) -> int:
        """Number of events that the broker has not acknowledged."""
        return self._publisher.unrecorded + len(self._outbox)

    def publish(self, record: SinkRecord) -> None:
        """Take an event, or how things are now; called from one thread only."""
        if self._publisher.error is not None:
            raise self._publisher.error
        match record:
            case EmotionEvent():
                self._state.update(record)
                self._publisher.publish_event(encode_event(record))
                self._publish_state()
            case FaceSnapshot():
                self._state.update_faces(record)
                self._publish_state()
                self._publish_faces(record)
            case DaemonStatus():
                self._announce(record)  # first: the state may show a class that is new to it
                self._state.set_status(record)
                self._publish_state()
            case Stats():
                payload = plain_stats(record) | {"broker": self._broker_stats()}
                stats = msgspec.json.encode(payload)
                self._publisher.publish_retained(self._topics.stats, stats)

    def flush(self, timeout: float) -> bool:
        """Wait until every event so far lies in the outbox; return whether it does."""
        return self._publisher.flush(timeout)

    def close(self, timeout: float) -> None:
        """Wait for acknowledgments, announce the end, disconnect."""
        self._publisher.stop(timeout)
        self._log_handler.close()
        if self._prepared:
            self._outbox.close()
        if self._started:
            self._log_undelivered()

    def _announce(self, status: DaemonStatus) -> None:
        homeassistant = self._settings.homeassistant
        if homeassistant is not None:
            topic = discovery_topic(homeassistant, self._topics.root)
            commands = self._settings.commands if self._command_handler else ()
            payload = discovery(self._settings, status, self._catalog, commands)
            self._publisher.publish_retained(topic, payload, qos=1)

    def _publish_faces(self, snapshot: FaceSnapshot) -> None:
        if self._settings.publish_faces and self.connected:  # later, they would be of no use
            width, height = snapshot.frame_size
            frame = {"width": width, "height": height}
            for face in snapshot.faces:
                topic = self._topics.face(face.track.track_id)
                payload = {"time": utc(snapshot.time), **face.to_dict(), "frame": frame}
                self._publisher.publish(MqttMessage(topic, msgspec.json.encode(payload)))

    def _publish_state(self) -> None:
        self._publisher.publish_retained(self._topics.state, self._state.encode())

    def _broker_stats(self) -> dict[str, Any]:
        return {
            "address": str(self._publisher.address),
            "connections": self._publisher.connections,
            "waiting": self.waiting,
            "recorded": self._outbox.recorded,
            "dropped": self.dropped,
            "durable": self._outbox.durable,
        }

    def _log_undelivered(self) -> None:
        kept, lost = len(self._outbox), self._publisher.unrecorded
        if not self._outbox.durable:
            kept, lost = 0, kept + lost
        if kept:
            log.info("%s: %d events wait for the next run", self._outbox.path, kept)
        if lost:
            self._undelivered += lost
            text = "broker %s: %d events were not delivered"
            log.warning(text, self._publisher.address, lost)

    def _on_message(self, message: MqttMessage) -> None:
        """Take a command, or learn that Home Assistant came up."""
        if message.topic.startswith(f"{self._topics.root}/"):
            if self._command_handler is not None:
                self._command_handler.handle(message)
        elif message.payload == b"online":
            self._publisher.republish_retained(random.uniform(*REANNOUNCE_DELAY))


class DeviceState:
    """The faces that the events so far leave in view, and how the daemon is set.

    Which faces there are and what they show follows from the events and from nothing else, so it
    never contradicts them; a snapshot brings the numbers of those faces up to date in between.
    """

    def __init__(self) -> None:
        # What each shows; without probabilities where it is uncertain.
        self._faces: dict[int, tuple[str, dict[str, float] | None]] = {}
        self._settings: dict[str, Any] = {}

    def update(self, event: EmotionEvent) -> None:
        """Take in one event."""
        if event.type is EventType.END:
            self._faces.pop(event.track_id, None)
        else:
            self._faces[event.track_id] = event.emotion, event.probabilities

    def update_faces(self, snapshot: FaceSnapshot) -> None:
        """Take in the present numbers of the faces that are known."""
        for face in snapshot.faces:
            track_id = face.track.track_id
            if track_id in self._faces and self._faces[track_id][0] == face.emotion:
                self._faces[track_id] = face.emotion, face.probabilities

    def set_status(self, status: DaemonStatus) -> None:
        """Take in how the daemon is set."""
        until = status.paused_until
        self._settings = {
            "camera": status.camera.value,
            "paused_until": utc(until) if until else None,
            "model": status.model,
            "detector": status.detector,
        }

    def encode(self) -> bytes:
        """Return the payload of the state topic.

        The dominant emotion is the one with most confidence over all faces together; its
        confidence is the mean over the faces that show it, and the probabilities are the mean over
        all that can be read. A face that is uncertain is counted and says nothing else, unless all
        are.
        """
        shares: dict[str, list[float]] = {}
        for emotion, probabilities in self._faces.values():
            if probabilities:
                shares.setdefault(emotion, []).append(probabilities[emotion])
        unread = UNCERTAIN if self._faces else None
        dominant = max(shares, key=lambda emotion: sum(shares[emotion]), default=unread)
        shown = shares.get(dominant, []) if dominant else []
        return msgspec.json.encode(
            {
                "faces": len(self._faces),
                "emotion": dominant,
                "confidence": _mean(shown) if shown else None,
                "probabilities": self._probabilities(),
                **self._settings,
            }
        )

    def _probabilities(self) -> dict[str, float] | None:
        read = [probabilities for _, probabilities in self._faces.values() if probabilities]
        if len(read) <= 1:
            return read[0] if read else None
        # Faces that are left from before a change of model may know other classes.
        read = [shares for shares in read if shares.keys() == read[-1].keys()]
        return {label: _mean([shares[label] for shares in read]) for label in read[-1]}


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)


class MqttLogHandler(logging.Handler):
    """Passes each warning and error that emotiond logs on, as a payload of the log topic.

    Args:
        publish: takes a payload; called in whichever thread logs, and must not log itself.
    """

    def __init__(self, publish: Callable[[bytes], None]) -> None:
        super().__init__(logging.WARNING)
        self.addFilter(RepeatFilter())
        self._publish = publish

    def attach(self) -> None:
        """Begin to take what emotiond's own loggers log."""
        logging.getLogger("edge").addHandler(self)

    def close(self) -> None:
        """Take nothing any more."""
        logging.getLogger("edge").removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on what was logged."""
        line = {
            "time": utc(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "message": record.getMessage()[:MAX_LOG_CHARACTERS] + repetition(record),
        }
        self._publish(msgspec.json.encode(line))
