"""Queued sink: takes records in a thread of its own; what comes too late for that is dropped."""

import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from edge.pipeline.worker import BoundedQueue, Worker
from edge.publish.sink import Sink
from edge.types import EmotionEvent, SinkRecord

T = TypeVar("T")

MAX_WAITING = 100  # records that may wait for the thread; beyond, the oldest is dropped

log = logging.getLogger(__name__)


class QueuedSink(Sink, ABC, Generic[T]):
    """Base of the sinks that keep nothing for later. Its `str` names the target in the log."""

    records: ClassVar[tuple[type, ...]] = (EmotionEvent,)  # what it takes; others are ignored

    def __init__(self, name: str, capacity: int = MAX_WAITING, lossless: bool = False) -> None:
        self._queue: BoundedQueue[Any] = BoundedQueue(capacity, lossless)
        self._worker = Worker(name, self._step)
        self._undelivered, self._problem = 0, ""

    @property
    def dropped(self) -> int:
        """Records beyond those that may wait, or left over at the end."""
        return self._queue.dropped + self._undelivered

    def start(self) -> None:
        """Begin to wait for records."""
        self._worker.start()

    def publish(self, record: SinkRecord) -> None:
        """Take a record."""
        if self._worker.error is not None:
            raise self._worker.error
        if isinstance(record, self.records):
            self._queue.put(record)

    def close(self, timeout: float) -> None:
        """Deliver what waits, within `timeout` seconds; then give up."""
        self._queue.close()
        if self._worker.alive and not self._worker.join(timeout):
            self._worker.stop()
            self._abort()
            self._worker.join(1.0)
        self._undelivered += len(self._queue)

    def _step(self) -> None:
        """Deliver a record, and log what went wrong, once."""
        if (record := self._queue.get(0.5)) is not None:
            problem = self._deliver(record)
            if problem and problem != self._problem:
                log.warning("%s: %s", self, problem)
            self._problem = problem

    @abstractmethod
    def _deliver(self, record: T) -> str:
        """Deliver a record; return what went wrong, in one line, or nothing."""

    def _abort(self) -> None:  # a delivery that waits for nothing needs none
        """End what `_deliver` waits for."""
