"""Outbox sink: records events on disk in one thread, and delivers them from there in another."""

import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from edge.pipeline.worker import BoundedQueue, Worker
from edge.publish.outbox import Outbox, OutboxSettings
from edge.publish.sink import Sink, SinkContext
from edge.terminal import plural

FLUSH_INTERVAL = 1.0  # seconds after which delivered events leave the disk, at the latest

log = logging.getLogger(__name__)


class OutboxSink(Sink):
    """Base of the sinks that keep events until they were taken.

    Neither a slow disk nor a slow network keeps the caller of `publish` waiting. A subclass, whose
    `str` names the target in the log, delivers in `_deliver`, the step of a worker, what the outbox
    holds; its `_wake` tells that worker that something was recorded, or that it is to end.
    """

    goodbye_s: ClassVar[float] = 0.5  # for which the end waits for a connected target

    def __init__(self, name: str, settings: OutboxSettings, context: SinkContext) -> None:
        assert context.outbox is not None
        self._outbox = Outbox(context.outbox, settings, run=context.run)
        self._unrecorded: BoundedQueue[bytes] = BoundedQueue(settings.max_events, False)
        self._workers = Worker("outbox", self._record), Worker(name, self._deliver)
        self._stopping = threading.Event()
        self._submitted = self._undelivered = 0
        self._prepared = False

    @property
    @abstractmethod
    def connected(self) -> bool | None:
        """Tell whether the target takes events; None where that is not known yet."""

    @property
    def dropped(self) -> int:
        """Events beyond the outbox's bounds, or neither delivered nor on disk at the end."""
        return self._unrecorded.dropped + self._outbox.dropped + self._undelivered

    @property
    def recorded(self) -> int:
        """Number of events that were recorded or dropped, in the order in which they came."""
        return self._outbox.recorded + self._unrecorded.dropped

    @property
    def waiting(self) -> int:
        """Number of events that were not taken yet."""
        return self._submitted - self.recorded + len(self._outbox)

    def prepare(self, closed_first: Sequence[Sink] = ()) -> None:
        """Lock and open the outbox, unless a sink that is closed first has it until then."""
        holders = [one for one in closed_first if isinstance(one, OutboxSink)]
        if not any(one._outbox.path == self._outbox.path for one in holders):
            self._outbox.open()
            self._prepared = True

    def start(self) -> None:
        """Begin to record and to deliver; errors are as of `prepare`."""
        if not self._prepared:
            self.prepare()
        for worker in self._workers:
            worker.start()

    def publish_event(self, payload: bytes) -> None:
        """Have an event recorded, and delivered as soon as it can be."""
        self._submitted += 1
        self._unrecorded.put(payload)

    def flush(self, timeout: float) -> bool:
        """Wait until every event so far is recorded; return whether it is."""
        deadline = time.monotonic() + timeout
        while self.recorded < self._submitted:
            if not self._workers[0].alive or time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def close(self, timeout: float) -> None:
        """Deliver what can be delivered within `timeout` seconds, and end; the rest is on disk."""
        deadline = time.monotonic() + timeout
        self.flush(timeout)
        while self._has_more() and all(worker.alive for worker in self._workers):
            may_be_taken = self.connected is not False or not self._outbox.durable
            if not may_be_taken or time.monotonic() >= deadline:
                break  # the disk keeps what is not taken
            time.sleep(0.02)
        for worker in self._workers:
            worker.stop()
        self._stopping.set()
        self._unrecorded.wake()
        self._wake()
        patience = self.goodbye_s if self.connected else 0.5
        for worker in self._workers:
            if worker.alive:
                worker.join(patience)
        self._outbox.close()
        kept = len(self._outbox) if self._outbox.durable else 0
        self._undelivered += self.waiting - kept
        if kept:
            waiting = plural(kept, "event waits", "events wait")
            log.info("%s: %s for the next run", self._outbox.path, waiting)
        if self._undelivered:
            told = plural(self._undelivered, "event was", "events were")
            log.warning("%s: %s not delivered", self, told)

    def _raise_error(self) -> None:
        for worker in self._workers:
            if worker.error is not None:
                raise worker.error

    def _has_more(self) -> bool:
        return len(self._outbox) > 0

    def _record(self) -> None:
        events = [self._unrecorded.get(FLUSH_INTERVAL)]
        # All together: the disk takes its time only once.
        events += [self._unrecorded.get(0.0) for _ in range(len(self._unrecorded))]
        self._outbox.record([event for event in events if event is not None])
        self._wake()

    @abstractmethod
    def _deliver(self) -> None: ...

    @abstractmethod
    def _wake(self) -> None: ...
