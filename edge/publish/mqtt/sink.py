"""MQTT sink: everything the daemon publishes over MQTT, and the commands it takes there."""

import logging
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import msgspec

from edge import types
from edge.publish import homeassistant
from edge.publish.events import encode_event, plain_stats, utc
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.commands import handle_command
from edge.publish.mqtt.publisher import MqttPublisher
from edge.publish.mqtt.settings import MqttSettings, Topics
from edge.publish.sink import LogHandler, Sink, SinkContext

REANNOUNCE_DELAY = (0.5, 3.0)  # seconds, at random: a fleet must not overwhelm Home Assistant


class MqttSink(MqttPublisher):
    """Publishes events, state, stats and what else subscribers may want, and takes commands."""

    def __init__(self, settings: MqttSettings, context: SinkContext) -> None:
        topics = self._topics = settings.topics
        subscriptions = list(topics.commands) if context.commands is not None else []
        if subscriptions and context.several:
            subscriptions += Topics(topics.root, "+").commands
        if (home := settings.homeassistant) is not None:
            subscriptions.append(home.status_topic)
        super().__init__(settings, context, subscriptions)
        self._catalog = context.catalog
        # By topic: what is announced there, and the platforms of all that ever was, by their keys.
        self._announcements: dict[str, homeassistant.Announcement] = {}
        self._platforms: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._announcing = threading.Lock()
        self._states: defaultdict[str, DeviceState] = defaultdict(DeviceState)  # by camera
        self.publish_retained(topics.availability, b"online", qos=1)
        if context.several and home is not None:
            told = homeassistant.daemon_discovery(settings)
            self._announce(home.discovery_topic(topics.root), told)
        self._commands = context.commands
        self._log_handler = LogHandler(
            lambda line: self.publish_message(MqttMessage(topics.log, msgspec.json.encode(line)))
        )

    def prepare(self, closed_first: Sequence[Sink] = ()) -> None:
        """Lock and open the outbox, as every `OutboxSink`; publish what is logged from then on."""
        logging.getLogger("edge").addHandler(self._log_handler)
        super().prepare(closed_first)

    def publish(self, record: types.SinkRecord) -> None:
        """Take an event, or how things are now; by one thread at a time."""
        self._raise_error()
        camera, home = record.camera_name, self._settings.homeassistant
        topics = Topics(self._topics.root, camera)
        match record:
            case types.EmotionEvent():
                self._states[camera].update(record)
                self.publish_event(encode_event(record))
                self._publish_state(topics, camera)
            case types.FaceSnapshot():
                self._states[camera].update_faces(record)
                self._publish_state(topics, camera)
                self._publish_faces(record, topics)
            case types.DaemonStatus():
                if home is not None:  # first: the state may show a class new to it
                    commands = self._settings.commands if self._commands else ()
                    told = homeassistant.discovery(self._settings, record, self._catalog, commands)
                    self._announce(home.discovery_topic(topics.root), told)
                self._states[camera].set_status(record)
                self._publish_state(topics, camera)
            case types.Stats():
                stats = plain_stats(record) | {"broker": self.stats()}
                self.publish_retained(topics.stats, msgspec.json.encode(stats))
            case types.Summary():
                topic, payload = f"{topics.summary}/{record.every_s}", record.data
                self.publish_message(MqttMessage(topic, msgspec.json.encode(payload)))
            case types.CameraRemoved():
                self._states.pop(camera, None)
                if home is not None:
                    announced = home.discovery_topic(topics.root)
                    self._announcements.pop(announced, None)
                    self.publish_retained(announced, b"", qos=1)
                for topic in (topics.state, topics.stats):
                    self.publish_retained(topic, b"", qos=1)

    def close(self, timeout: float) -> None:
        """Wait for acknowledgments, announce the end, disconnect."""
        super().close(timeout)
        logging.getLogger("edge").removeHandler(self._log_handler)

    def _announce(self, topic: str, announcement: homeassistant.Announcement) -> None:
        self._announcements[topic] = announcement
        if topic not in self._subscriptions:  # what an earlier run has announced there
            self._subscriptions.append(topic)
        self._publish_device(topic, announcement["components"])

    def _publish_device(self, topic: str, components: Mapping[str, Mapping[str, Any]]) -> None:
        """Announce a device; what it had among `components` and has no more is removed."""
        with self._announcing:  # the network thread calls as well
            announcement, platforms = self._announcements.get(topic), self._platforms[topic]
            had = {key: one for key, one in components.items() if {"platform"} < one.keys()}
            platforms |= {key: one["platform"] for key, one in had.items()}
            if announcement is not None:
                # Home Assistant keeps what is only left out.
                bare = {key: {"platform": platform} for key, platform in platforms.items()}
                together = announcement | {"components": bare | announcement["components"]}
                self.publish_retained(topic, msgspec.json.encode(together), qos=1)

    def _publish_faces(self, snapshot: types.FaceSnapshot, topics: Topics) -> None:
        if self._settings.publish_faces and self.connected:  # later, they would be of no use
            width, height = snapshot.frame_size
            frame = {"width": width, "height": height}
            for face in snapshot.faces:
                topic = f"{topics.face}/{face.track.track_id}"
                payload = {"time": utc(snapshot.time), **face.to_dict(), "frame": frame}
                self.publish_message(MqttMessage(topic, msgspec.json.encode(payload)))

    def _publish_state(self, topics: Topics, camera: str) -> None:
        self.publish_retained(topics.state, self._states[camera].encode())

    def _on_message(self, message: MqttMessage) -> None:
        """Take a command, what was announced before, or learn that Home Assistant came up."""
        if message.topic in self._announcements:
            if message.retain:
                with suppress(msgspec.DecodeError, RecursionError):
                    before = msgspec.json.decode(message.payload, type=_Announced)
                    self._publish_device(message.topic, before.components)
        elif message.topic.startswith(f"{self._topics.root}/"):
            if self._commands is not None:
                handle_command(self._settings, self._commands, self.publish_message, message)
        elif message.payload == b"online":
            self._republish_at = time.monotonic() + random.uniform(*REANNOUNCE_DELAY)


class _Announced(msgspec.Struct, frozen=True):
    """Retained announcement of an earlier run."""

    components: dict[str, dict[str, Any]]


class DeviceState:
    """The faces that the events so far leave in view, and how the daemon is set.

    Which faces there are and what they show follows from the events and from nothing else, so it
    never contradicts them; a snapshot brings the numbers of those faces up to date in between.
    """

    def __init__(self) -> None:
        self._faces: dict[tuple[str, str, int], types.EmotionEvent | types.Expression] = {}
        self._zones: tuple[str, ...] = ()
        self._origin = "", ""  # camera and run
        self._settings: dict[str, Any] = {}

    def update(self, event: types.EmotionEvent) -> None:
        """Take in one event."""
        self._origin = event.camera_name, event.run
        self._faces[event.run_track] = event
        if event.type is types.EventType.END:
            del self._faces[event.run_track]

    def update_faces(self, snapshot: types.FaceSnapshot) -> None:
        """Take in the present numbers of the faces that are known."""
        for face in snapshot.faces:
            key = *self._origin, face.track.track_id
            if key in self._faces and self._faces[key].emotion == face.emotion:
                self._faces[key] = face

    def set_status(self, status: types.DaemonStatus) -> None:
        """Take in how the daemon is set."""
        until, self._zones = status.paused_until, status.zones
        self._settings = {
            "camera": status.camera.value,
            "paused_until": utc(until) if until else None,
            "model": status.model,
            "detector": status.detector,
        }
        if status.camera_name:
            self._settings["camera_name"] = status.camera_name

    def encode(self) -> bytes:
        """Return the payload of the state topic.

        The dominant emotion has most confidence over all faces together; `confidence` is the mean
        over the faces that show it, `probabilities` over all that can be read. A face that is
        uncertain is counted and says nothing else, unless all are.
        """
        faces = list(self._faces.values())
        shares: defaultdict[str, list[float]] = defaultdict(list)
        for face in faces:
            if face.confidence is not None:
                shares[face.emotion].append(face.confidence)
        unread = types.UNCERTAIN if faces else None
        dominant = max(shares, key=lambda emotion: sum(shares[emotion]), default=unread)
        read = [face.probabilities for face in faces if face.probabilities]
        # Faces that are left from before a change of model may know other classes.
        read = [each for each in read if each.keys() == read[-1].keys()]
        mean = {label: _mean([each[label] for each in read]) for label in (read[0] if read else ())}
        counts = Counter(chain.from_iterable(face.zones or () for face in faces))
        looks = {face.quality.looking for face in faces}
        state: dict[str, Any] = {
            "faces": len(faces),
            "emotion": dominant,
            "confidence": _mean(shares[dominant]) if shares and dominant else None,
            "probabilities": (mean if len(read) > 1 else read[0]) if read else None,
            "looking": None if looks == {None} else True in looks,
        }
        affects = [face.affect for face in faces if face.affect is not None]
        for name, values in zip(("valence", "arousal"), zip(*affects, strict=True), strict=False):
            state[name] = _mean(values)
        zones = {"zones": {name: counts[name] for name in self._zones}} if self._zones else {}
        return msgspec.json.encode(state | zones | self._settings)


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)
