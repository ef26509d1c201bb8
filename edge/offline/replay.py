"""Replay of recorded events: read from a file, and published again in real time."""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec

from edge.errors import InputError
from edge.publish import MultiSink, Sink
from edge.publish.events import decode_event, new_run
from edge.types import CameraState, DaemonStatus, EmotionEvent, EventType

MIN_YEAR, MAX_YEAR = 2, 9998
"""Years whose days have a local date in every time zone: `datetime` knows 1 to 9999."""

CLOSE_TIMEOUT_S = 10.0
"""Seconds that the sinks may spend at the end on what is not yet delivered."""

MAX_SLEEP_S = 60.0
"""Longest single sleep in seconds: what the operating system takes is bounded, a pause is not."""


def read_events(path: Path) -> list[EmotionEvent]:
    """Return the events in a file of the jsonl sink, at least one.

    Raises:
        InputError: it cannot be read, a line is no event, or there is none.
    """
    try:
        with open(path, "rb") as file:
            lines = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
            events = [_decode(line, f"{path}, line {number}") for number, line in lines]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not events:
        raise InputError(f"{path}: expected an event on each line, found no line")
    return events


def _decode(line: bytes, place: str) -> EmotionEvent:
    try:
        event = decode_event(line)
        if not MIN_YEAR <= event.time.year <= MAX_YEAR:
            raise OverflowError(f"expected a time of the years {MIN_YEAR} to {MAX_YEAR}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        text = f"{place}: expected an event as docs/event.schema.json has it: {reason}"
        raise InputError(text) from error
    return event


def gaps(events: Sequence[EmotionEvent]) -> list[float]:
    """Return the seconds before each event; a clock that was set back adds nothing."""
    pairs = pairwise([events[0], *events])
    return [max(0.0, (event.time - before.time).total_seconds()) for before, event in pairs]


class EventReplayer:
    """Publishes recorded events in their order and with their spacing in time.

    Each event gets a new id and the present time, so that a subscriber that drops repeats takes it
    for a new one, and each run of the recording a new id. Duration and latency are as recorded.
    `speed` is the factor by which they are replayed faster than they happened.
    """

    def __init__(
        self,
        events: Sequence[EmotionEvent],
        sinks: Sequence[Sink],
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._events, self._sinks, self._speed = events, MultiSink(sinks), speed
        labels = (label for event in events for label in event.probabilities or ())
        self._labels = tuple(dict.fromkeys(labels))
        self._clock, self._sleep = clock, sleep
        self._status: DaemonStatus | None = None
        self._runs: defaultdict[str, str] = defaultdict(new_run)
        self._open_tracks: dict[tuple[str, int], EmotionEvent] = {}

    def play(self) -> Generator[EmotionEvent, None, None]:
        """Publish one event after the other, each when it is due, and yield it.

        At the end, or where it is closed before, the sinks deliver what they still hold.
        """
        self._publish_status(self._events[0])
        with ExitStack() as ending:
            ending.callback(self._sinks.close, CLOSE_TIMEOUT_S)
            self._sinks.start()
            ending.callback(self._end_open_tracks)
            due = self._clock()
            for event, gap in zip(self._events, gaps(self._events), strict=True):
                due += gap / self._speed
                while (left := due - self._clock()) > 0:
                    self._sleep(min(left, MAX_SLEEP_S))
                yield self._publish(replace(event, run=self._runs[event.run]))

    def _publish(self, recorded: EmotionEvent) -> EmotionEvent:
        event = replace(recorded, id=str(uuid.uuid4()), time=datetime.now(UTC))
        self._publish_status(event)
        self._sinks.publish(event)
        self._open_tracks[event.track] = event
        if event.type is EventType.END:
            del self._open_tracks[event.track]
        return event

    def _end_open_tracks(self) -> None:
        """Publish an end event for every face still in view: no camera is there to end it."""
        for event in list(self._open_tracks.values()):
            self._publish(replace(event, type=EventType.END))

    def _publish_status(self, event: EmotionEvent) -> None:
        """Publish model and detector where they are new."""
        origin = event.model, event.detector, self._labels
        status = DaemonStatus(CameraState.ONLINE, None, *origin)
        if status != self._status:
            self._sinks.publish(status)
        self._status = status
