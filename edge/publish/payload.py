"""Payloads: records as JSON, the way subscribers see them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from edge.geometry import Box
from edge.model_card import Share
from edge.types import (
    UNCERTAIN,
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
    """Return the payload of the stats topic.

    Args:
        stats: of the pipeline.
        broker: the sink's own numbers, as plain values.
    """
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
