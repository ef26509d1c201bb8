"""Payloads: records as JSON, the way subscribers see them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from edge.geometry import Box
from edge.model_card import Share
from edge.types import (
    UNCERTAIN,
    DaemonStatus,
    EmotionEvent,
    EventType,
    Expression,
    FaceSnapshot,
    Quality,
    Reason,
    Stats,
)


def encode_event(event: EmotionEvent) -> bytes:
    """Return the payload of an event; docs/event.schema.json describes it."""
    width, height = event.frame_size
    position = {} if event.position is None else {"position": round(event.position, 3)}
    return msgspec.json.encode(
        {
            "id": event.id,
            "time": utc(event.time),
            "type": event.type.value,
            "track_id": event.track_id,
            "emotion": event.emotion,
            "confidence": event.confidence,
            "probabilities": event.probabilities,
            "reasons": [reason.value for reason in event.reasons],
            "quality": event.quality.to_dict(),
            "box": [round(edge, 1) for edge in event.box.edges],
            "frame": {"width": width, "height": height},
            "duration": round(event.duration, 3),
            "model": event.model,
            "detector": event.detector,
            "latency_ms": _milliseconds(event.latency),
            **position,
        }
    )


def decode_event(payload: bytes) -> EmotionEvent:
    """Return the event of a payload that `encode_event` made, as exact as it is there.

    The payload lacks `captured`, which is 0.

    Raises:
        msgspec.DecodeError: it is not JSON, or not an event as docs/event.schema.json has it; the
            text says where.
    """
    event = msgspec.json.decode(payload, type=_EventPayload)
    return EmotionEvent(
        id=event.id,
        time=event.time.astimezone(UTC),
        type=event.type,
        track_id=event.track_id,
        emotion=event.emotion,
        confidence=event.confidence,
        probabilities=event.probabilities,
        quality=Quality(**msgspec.structs.asdict(event.quality)),
        reasons=event.reasons,
        box=Box(*event.box),
        frame_size=(event.frame.width, event.frame.height),
        duration=event.duration,
        model=event.model,
        detector=event.detector,
        captured=0.0,
        latency=event.latency_ms / 1000,
        position=event.position,
    )


def encode_stats(stats: Stats, broker: Mapping[str, Any]) -> bytes:
    """Return the payload of the stats topic; `broker` are the sink's own numbers."""
    return msgspec.json.encode({**plain_stats(stats), "broker": dict(broker)})


def plain_stats(stats: Stats) -> dict[str, Any]:
    """Return the stats of a pipeline as plain values."""
    return {
        "time": utc(stats.time),
        "uptime": round(stats.uptime, 1),
        "camera": stats.camera.value,
        "fps": {"in": round(stats.fps_in, 1), "out": round(stats.fps_out, 1)},
        "frames": stats.frames,
        "detections": stats.detections,
        "faces": stats.faces,
        "rejected_faces": stats.rejected_faces,
        "events": stats.events,
        "dropped": stats.dropped,
        "frame_latency_ms": _percentiles(stats.frame_latency),
        "event_latency_ms": _percentiles(stats.event_latency),
        "cpu": round(stats.load.cpu, 3),
        "memory": stats.load.memory,
        "temperature": stats.load.temperature,
    }


def encode_face(face: Expression, snapshot: FaceSnapshot) -> bytes:
    """Return the payload of the topic of one face."""
    width, height = snapshot.frame_size
    frame = {"width": width, "height": height}
    return msgspec.json.encode({"time": utc(snapshot.time), **face.to_dict(), "frame": frame})


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


def utc(time: datetime) -> str:
    """Return a UTC time as payloads have it: ISO 8601 in milliseconds."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _percentiles(latency: tuple[float, float] | None) -> dict[str, float] | None:
    if latency is None:
        return None
    p50, p95 = latency
    return {"p50": _milliseconds(p50), "p95": _milliseconds(p95)}


_Measure = Annotated[float, msgspec.Meta(ge=0.0)]
_Gray = Annotated[float, msgspec.Meta(ge=0.0, le=255.0)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]


class _Quality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: _Measure
    sharpness: _Measure
    brightness: _Gray
    contrast: _Measure
    yaw: Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)] | None
    roll: Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)] | None


class _Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    width: _Count
    height: _Count


class _EventPayload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of an event, as docs/event.schema.json describes them."""

    id: _Id
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    type: EventType
    track_id: _Count
    emotion: Annotated[str, msgspec.Meta(min_length=1)]
    confidence: Share | None
    probabilities: Annotated[dict[str, Share], msgspec.Meta(min_length=2)] | None
    reasons: tuple[Reason, ...]
    quality: _Quality
    box: tuple[float, float, float, float]
    frame: _Size
    duration: _Measure
    model: str
    detector: str
    latency_ms: _Measure
    position: _Measure | None = None

    def __post_init__(self) -> None:
        certain = (
            self.confidence is not None,
            self.emotion in (self.probabilities or {}),
            not self.reasons,
        )
        uncertain = self.confidence is None, self.probabilities is None, bool(self.reasons)
        if not all(uncertain if self.emotion == UNCERTAIN else certain):
            raise ValueError(
                "Expected `confidence` and a probability of `emotion`, or `reasons` of `uncertain`"
            )
