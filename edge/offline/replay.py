"""Recorded events, as if they happened now."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from edge.offline.event_log import EventLog, gap
from edge.publish import Sink
from edge.types import CameraState, DaemonStatus, EmotionEvent, EventType

FAREWELL = 10.0
"""Seconds that a sink may spend at the end on what is not yet delivered."""

STEP = 60.0
"""Longest single wait, in seconds: what a sleep takes at once is bounded, a gap is not."""


class EventReplayer:
    """Publishes what was recorded, in the order and at the spacing in which it happened.

    Each event gets a fresh id and the present time. A subscriber that drops repeats must take it
    for new, and for one of this moment; its duration and latency are those of the recording.

    Args:
        recording: what to publish.
        sinks: where to.
        speed: how many times as fast as it happened.
        clock: monotonic, in seconds.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        recording: EventLog,
        sinks: Sequence[Sink],
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._recording = recording
        self._sinks = sinks
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._status: DaemonStatus | None = None
        self._there: dict[int, EmotionEvent] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start the sinks, and in the end let them deliver what they still hold.

        Raises:
            EmotiondError: one of them cannot start.
        """
        self._tell(self._recording.first)
        with ExitStack() as closing:
            for sink in self._sinks:
                sink.start()
                closing.callback(sink.close, FAREWELL)
            closing.callback(self._end_all)
            yield

    def play(self) -> Iterator[EmotionEvent]:
        """Publish one event after the other, each when it is due, and return it."""
        due, before = self._clock(), None
        for event in self._recording:
            due += gap(before, event.time) / self._speed
            before = event.time
            self._wait(due)
            yield self._publish(event)

    def _wait(self, due: float) -> None:
        while (left := due - self._clock()) > 0:
            self._sleep(min(left, STEP))

    def _publish(self, recorded: EmotionEvent) -> EmotionEvent:
        event = replace(recorded, id=str(uuid.uuid4()), time=datetime.now(UTC))
        self._tell(event)
        for sink in self._sinks:
            sink.publish(event)
        if event.type is EventType.END:
            self._there.pop(event.track_id, None)
        else:
            self._there[event.track_id] = event
        return event

    def _end_all(self) -> None:
        """End every face still there: nobody is left behind in front of no camera."""
        for event in list(self._there.values()):
            self._publish(replace(event, type=EventType.END))

    def _tell(self, event: EmotionEvent) -> None:
        """Tell the sinks of the model and the detector, where these are new."""
        labels = self._recording.labels
        status = DaemonStatus(CameraState.ONLINE, None, event.model, event.detector, labels)
        if status != self._status:
            for sink in self._sinks:
                sink.publish(status)
        self._status = status
