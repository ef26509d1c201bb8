"""Files as the jsonl sink writes them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.publish.events import encode_event
from edge.types import EmotionEvent, EventType
from tests.events import event

BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def at(seconds: float, kind: EventType = EventType.START, track_id: int = 1) -> EmotionEvent:
    """Return an event that happened so many seconds after the first."""
    return event(kind, track_id, time=BEGIN + timedelta(seconds=seconds))


def record(path: Path, events: Sequence[EmotionEvent]) -> Path:
    """Write a file of events."""
    path.write_bytes(b"".join(encode_event(one) + b"\n" for one in events))
    return path
