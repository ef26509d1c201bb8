"""Events that wait, in memory and within bounds."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Annotated

import msgspec

from edge.publish.outbox.clock import SystemClock
from edge.publish.outbox.sqlite_store import StoredEvent

LONGEST_AGE = 4_294_967_295.0
"""Seconds that MQTT 5 can tell."""


class OutboxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much may wait for the broker; beyond it, the oldest events are dropped.

    Attributes:
        events: how many.
        age: seconds since they were recorded.
        bytes: of their payloads. They lie in memory as well as on disk, so this bounds both.
    """

    events: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 10_000
    age: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_AGE)] = 604_800.0
    bytes: Annotated[int, msgspec.Meta(ge=1024)] = 67_108_864


class EventQueue:
    """What waits, in the order of its numbers; any thread may call.

    Args:
        settings: the bounds.
        clock: what age is measured by.

    Attributes:
        last: the highest number so far.
        bytes: of the payloads that wait.
        drops: how many events were dropped, by the bound that they were beyond.
    """

    def __init__(self, settings: OutboxSettings, clock: SystemClock) -> None:
        self.last = 0
        self.bytes = 0
        self.drops = {"events": 0, "age": 0, "bytes": 0}
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: OrderedDict[int, StoredEvent] = OrderedDict()
        self._gone: list[int] = []

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._waiting)

    def add(self, events: Iterable[StoredEvent]) -> None:
        """Add events that come after all others."""
        with self._lock:
            self._add(events)

    def add_shifted(self, events: Iterable[StoredEvent]) -> None:
        """Add events whose numbers count from the last one here."""
        with self._lock:
            shift = self.last
            self._add(replace(event, number=event.number + shift) for event in events)

    def after(self, number: int, limit: int) -> list[StoredEvent]:
        """Return the oldest `limit` events whose numbers are above `number`."""
        with self._lock:
            self._drop_excess()
            if number >= self.last:
                return []
            later = (event for event in self._waiting.values() if event.number > number)
            return list(islice(later, limit))

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove events, where they are still there."""
        with self._lock:
            for number in numbers:
                self._remove(number)

    def take_gone(self) -> list[int]:
        """Return the numbers of the events that went since the last call, removed or dropped."""
        with self._lock:
            gone, self._gone = self._gone, []
            return gone

    def take_all(self) -> list[StoredEvent]:
        """Return all events; `take_gone` will tell of those that go from now on."""
        with self._lock:
            self._gone = []
            return list(self._waiting.values())

    @property
    def gone(self) -> int:
        """How many numbers `take_gone` would return."""
        return len(self._gone)

    def _add(self, events: Iterable[StoredEvent]) -> None:
        for event in events:
            self._waiting[event.number] = event
            self.bytes += len(event.payload)
            self.last = max(self.last, event.number)
        self._drop_excess()

    def _remove(self, number: int) -> None:
        event = self._waiting.pop(number, None)
        if event is not None:
            self.bytes -= len(event.payload)
            self._gone.append(number)

    def _drop_excess(self) -> None:
        while self._waiting:
            oldest = next(iter(self._waiting.values()))
            bound = self._broken_bound(oldest)
            if bound is None:
                return
            self._remove(oldest.number)
            self.drops[bound] += 1

    def _broken_bound(self, oldest: StoredEvent) -> str | None:
        if len(self._waiting) > self._settings.events:
            return "events"
        if self.bytes > self._settings.bytes:
            return "bytes"
        if self._clock.running() - oldest.since > self._settings.age:
            return "age"
        return None
