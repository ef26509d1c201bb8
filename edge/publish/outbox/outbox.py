"""Events that wait until the broker has acknowledged them."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import EmotiondError
from edge.publish.outbox.clock import SystemClock
from edge.publish.outbox.event_queue import EventQueue, OutboxSettings
from edge.publish.outbox.persistent_store import PersistentStore

MOST_GONE = 256
"""Acknowledged events that the file may still hold: so many come twice after a crash."""

Payload = bytes  # in the class below, `bytes` is a property

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event that waits.

    Attributes:
        number: greater than that of every event recorded before it.
        age: seconds since it was recorded.
        payload: what the broker gets.
    """

    number: int
    age: float
    payload: bytes = field(repr=False)


class Outbox:
    """Keeps events, in memory and in a file, until the broker has acknowledged them.

    What waits is read from memory; the file is read once, when a process begins, and from then on
    only follows. So a disk that fails takes nothing away but the promise to outlive the process,
    and what is sent never waits for it. One thread records, another reads and forgets.

    Args:
        path: the file.
        settings: how much may wait.
        clock: the machine's clocks.

    Attributes:
        path: the file.
        recorded: events recorded by this process.
    """

    def __init__(
        self, path: Path, settings: OutboxSettings, clock: SystemClock | None = None
    ) -> None:
        self.path = path
        self.recorded = 0
        self._clock = clock or SystemClock()
        self._backlog = EventQueue(settings, self._clock)
        self._disk = PersistentStore(path, self._backlog, self._clock)
        # Held while the disk works; the backlog has a lock of its own, for moments.
        self._writing = threading.Lock()
        self._dropped = 0
        self._overflowing = False

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._backlog)

    @property
    def bytes(self) -> int:
        """Bytes of the payloads that wait."""
        return self._backlog.bytes

    @property
    def durable(self) -> bool:
        """Whether what waits lies on disk; False while it lies in memory only."""
        return self._disk.durable

    @property
    def dropped(self) -> int:
        """Events dropped by this process."""
        return sum(self._backlog.drops.values())

    @property
    def drops(self) -> dict[str, int]:
        """Events dropped by this process, by the bound that they were beyond."""
        return dict(self._backlog.drops)

    def open(self) -> None:
        """Take over what an earlier process has left; where the disk refuses, begin in memory.

        Raises:
            EmotiondError: another process uses the file.
        """
        with self._writing:
            try:
                self._disk.open()
            except BlockingIOError as error:
                raise EmotiondError(
                    f"{self.path}: another emotiond uses this device's outbox; end it, or give "
                    "this one another `device`"
                ) from error

    def record(self, payloads: Sequence[Payload]) -> None:
        """Add events; on return they outlive a power cut, unless the disk refuses.

        All go to disk together, for one wait. With none, only what is overdue is done: a disk that
        refused is tried again, and what the broker has acknowledged leaves the file.
        """
        with self._writing:
            self._disk.record(payloads)
            self.recorded += len(payloads)
            self._tell_of_drops()

    def waiting(self, after: int, limit: int) -> list[PendingEvent]:
        """Return the oldest events whose numbers are above `after`, `limit` at most."""
        now = self._clock.running()
        return [
            PendingEvent(kept.number, max(0.0, now - kept.since), kept.payload)
            for kept in self._backlog.after(after, limit)
        ]

    def forget(self, numbers: Sequence[int]) -> None:
        """Remove events that the broker has acknowledged.

        They leave the file with what is recorded next: after a crash some of them come again.
        """
        self._backlog.remove(numbers)
        if not len(self):
            self._overflowing = False
        # Where the other thread is at it, the next call will do.
        if self._backlog.gone >= MOST_GONE and self._writing.acquire(blocking=False):
            try:
                self._disk.record([])
            finally:
                self._writing.release()

    def close(self) -> None:
        """Bring the file up to date and let go of it; a disk that refused has a last chance."""
        with self._writing:
            self._disk.close()

    def _tell_of_drops(self) -> None:
        """Warn when events begin to be dropped, not at each of them."""
        dropped = self.dropped
        if dropped > self._dropped and not self._overflowing:
            self._overflowing = True
            log.warning("%s: more waits than may; the oldest events are dropped", self.path)
        self._dropped = dropped
