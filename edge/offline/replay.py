"""Replay of recorded events: read from a file, and published again in real time."""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec

from edge.errors import InputError, os_errors_as
from edge.publish import MultiSink, Sink
from edge.publish.events import decode_event, new_run
from edge.types import CameraState, DaemonStatus, EmotionEvent, EventType

MIN_YEAR, MAX_YEAR = 2, 9998  # years whose days have a local date in every time zone
CLOSE_TIMEOUT_S = 10.0  # seconds for what is not yet delivered at the end
MAX_SLEEP_S = 60.0  # longest single sleep in seconds: what the system takes is bounded


def read_events(path: Path) -> list[EmotionEvent]:
    """Return the events of a jsonl file, at least one; InputError: unreadable, or another line."""
    with os_errors_as(InputError, path), open(path, "rb") as file:
        lines = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
        events = [_decode(line, f"{path}, line {number}") for number, line in lines]
    if not events:
        raise InputError(f"{path}: expected an event on each line, found no line")
    return events


def _decode(line: bytes, place: str) -> EmotionEvent:
    try:
        event = decode_event(line)
        if not MIN_YEAR <= event.time.year <= MAX_YEAR:
            raise OverflowError(f"expected a time of the years {MIN_YEAR} to {MAX_YEAR}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        expected = "expected an event as docs/event.schema.json has it"
        raise InputError(f"{place}: {expected}: {' '.join(str(error).split())[:200]}") from error
    return event


def gaps(events: Sequence[EmotionEvent]) -> list[float]:
    """Return the seconds before each event; a clock that was set back adds nothing."""
    pairs = pairwise([events[0], *events])
    return [max(0.0, (event.time - before.time).total_seconds()) for before, event in pairs]


def replay_events(
    events: Sequence[EmotionEvent],
    sinks: Sequence[Sink],
    speed: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[EmotionEvent, None, None]:
    """Publish events in their order, each when it is due, and yield it.

    Each gets a new id and the present time, so that a subscriber that drops repeats takes it for a
    new one, and each run of the recording a new id. Duration and latency are as recorded. `speed`
    is the factor by which they are replayed faster than they happened.

    At the end, or where it is closed before, every face still in view gets an end event, as no
    camera is there to end it, and the sinks deliver what they still hold.
    """
    labels = tuple(dict.fromkeys(label for one in events for label in one.probabilities or ()))
    runs: defaultdict[str, str] = defaultdict(new_run)
    open_tracks: dict[tuple[str, str, int], EmotionEvent] = {}
    published, last_origin = MultiSink(sinks), ("", "")

    def publish_origin(event: EmotionEvent) -> None:
        nonlocal last_origin
        origin = event.model, event.detector
        if origin != last_origin:
            published.publish(DaemonStatus(CameraState.ONLINE, None, *origin, labels))
        last_origin = origin

    def publish(recorded: EmotionEvent) -> EmotionEvent:
        event = replace(recorded, id=str(uuid.uuid4()), time=datetime.now(UTC))
        publish_origin(event)
        published.publish(event)
        open_tracks[event.run_track] = event
        if event.type is EventType.END:
            del open_tracks[event.run_track]
        return event

    publish_origin(events[0])
    try:
        published.start()
        due = clock()
        for event, gap in zip(events, gaps(events), strict=True):
            due += gap / speed
            while (left := due - clock()) > 0:
                sleep(min(left, MAX_SLEEP_S))
            yield publish(replace(event, run=runs[event.run]))
    finally:
        for event in list(open_tracks.values()):
            publish(replace(event, type=EventType.END))
        published.close(CLOSE_TIMEOUT_S)
