"""History of the page: hours and days, from the files that events are appended to."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.publish.events import decode_event, utc
from edge.publish.intervals import ExpressionInterval, intervals_of, time_by_emotion, time_in_view
from edge.types import EmotionEvent

MAX_BYTES = 32_000_000  # bytes at the end of each file that are read: some 50,000 events
BARS = 48  # parts of the time that are told apart


def read_history(
    files: Iterable[Path], end: float, seconds: float, camera: str = ""
) -> dict[str, Any]:
    """Return what was seen in the time before `end`, POSIX time; it may take a second.

    With the name of a `camera`, what that one alone saw. Each bar is an equal part of the time,
    with the seconds of each expression over all faces.
    """
    start = end - seconds
    events = (event for path in files for event in _events(path))
    seen = (event for event in events if not camera or event.camera_name == camera)
    intervals = _within(intervals_of(seen), start, end)
    edges = np.linspace(start, end, BARS + 1).tolist()
    return {
        "start": _utc(start),
        "end": _utc(end),
        "faces": len({one.track for one in intervals}),
        "in_view": round(time_in_view(intervals), 1),
        "seconds": _seconds(intervals),
        "bars": [
            {"start": _utc(left), "seconds": _seconds(_within(intervals, left, right))}
            for left, right in pairwise(edges)
        ],
    }


def _within(
    intervals: Iterable[ExpressionInterval], start: float, end: float
) -> list[ExpressionInterval]:
    """Return the parts of intervals that lie in a period."""
    return [
        replace(one, start=max(one.start, start), end=min(one.end, end))
        for one in intervals
        if one.start < end and one.end > start
    ]


def _events(path: Path) -> Iterator[EmotionEvent]:
    """Yield the events at the end of a file; what cannot be read, or is no event, is left out."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_BYTES))
        for line in file:
            with suppress(msgspec.MsgspecError, ValueError):
                event = decode_event(line)
                if event.position is None:  # positions in videos are no times of day
                    yield event


def _utc(seconds: float) -> str:
    return utc(datetime.fromtimestamp(seconds, UTC))


def _seconds(intervals: Iterable[ExpressionInterval]) -> dict[str, float]:
    return {emotion: round(value, 1) for emotion, value in time_by_emotion(intervals).items()}
