"""Records for tests, with every field that does not matter filled in."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np

from edge.geometry import Box
from edge.types import (
    UNCERTAIN,
    CameraState,
    DaemonStatus,
    EmotionEvent,
    EventType,
    Expression,
    Face,
    FaceSnapshot,
    Frame,
    Quality,
    Reason,
    ResourceUsage,
    Stats,
    Track,
)

QUALITY = Quality(size=100.0, sharpness=0.0812, brightness=120.0, contrast=45.0)
"""Of a face that can be read, seen by a detector without key points."""

RUN = "0a1b2c3d"
"""Run of every event that does not say otherwise."""

BLANK = np.zeros((48, 64, 3), dtype=np.uint8)


def frame(timestamp: float = 0.0, **fields: Any) -> Frame:
    """Return a frame taken at `timestamp`."""
    return Frame(**{"image": BLANK, "index": 0, "timestamp": timestamp, "captured": 0.0, **fields})


def face(x: float, y: float = 0.0, side: float = 100.0) -> Face:
    """Return a square face whose left top corner is at (x, y)."""
    return Face(Box(x, y, x + side, y + side), confidence=1.0)


def stats(**fields: Any) -> Stats:
    """Return stats; `fields` replace the defaults."""
    defaults: dict[str, Any] = {
        "time": datetime.now(UTC),
        "uptime": 60.0,
        "camera": CameraState.ONLINE,
        "load": ResourceUsage(cpu=0.07, memory=90_000_000, temperature=48.3),
        "fps_in": 30.04,
        "fps_out": 29.9,
        "frames": 1800,
        "detections": 700,
        "faces": 900,
        "rejected_faces": 20,
        "events": 12,
        "dropped": {"frames": 3, "damaged_frames": 0, "tracked_frames": 0, "events": 0},
        "frame_latency": (0.0101, 0.0205),
        "event_latency": None,
    }
    return Stats(**{**defaults, **fields})


def expression(
    track_id: int = 1, emotion: str = "happy", probabilities: dict[str, float] | None = None
) -> Expression:
    """Return what one face shows."""
    track = Track(track_id, Box(10, 20, 110, 120), seen=True)
    shares = probabilities or {"happy": 0.8, "neutral": 0.2}
    return Expression(track, emotion, shares, QUALITY)


def sight(*faces: Expression) -> FaceSnapshot:
    """Return what is seen at this moment."""
    return FaceSnapshot(datetime.now(UTC), faces, frame_size=(640, 480))


def status(**fields: Any) -> DaemonStatus:
    """Return a status; `fields` replace the defaults."""
    defaults: dict[str, Any] = {
        "camera": CameraState.ONLINE,
        "paused_until": None,
        "model": "shallow-int8",
        "detector": "builtin",
        "labels": ("happy", "neutral"),
        "has_temperature": True,
    }
    return DaemonStatus(**{**defaults, **fields})


def event(kind: EventType = EventType.START, track_id: int = 1, **fields: Any) -> EmotionEvent:
    """Return an event; `fields` replace the defaults."""
    defaults: dict[str, Any] = {
        "id": str(uuid4()),
        "time": datetime.now(UTC),
        "emotion": "happy",
        "quality": QUALITY,
        "frame_size": (640, 480),
        "duration": 1.5,
        "model": "shallow-int8",
        "detector": "haar",
        "captured": 0.0,
        "latency": 0.02,
        "run": RUN,
    }
    emotion = fields.get("emotion", "happy")
    defaults["probabilities"] = {emotion: 0.8, "neutral" if emotion != "neutral" else "happy": 0.2}
    box = fields.pop("box", Box(10, 20, 110, 120))
    track = Track(track_id, box, seen=True)
    return EmotionEvent(track=track, type=kind, **{**defaults, **fields})


def uncertain(kind: EventType = EventType.START, track_id: int = 1, **fields: Any) -> EmotionEvent:
    """Return the event of a face that is too dark to be read; `fields` replace the defaults."""
    unread: dict[str, Any] = {
        "emotion": UNCERTAIN,
        "probabilities": None,
        "reasons": (Reason.DARK,),
    }
    return event(kind, track_id, **{**unread, **fields})
