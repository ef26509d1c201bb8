"""Workers, threads that repeat one step, and what they hand on to each other and to views."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from edge.metrics import Metrics
from edge.types import AnalyzedFrame

T = TypeVar("T")


class QueueClosed(Exception):
    """The queue was closed and holds nothing more: the reader's work is done."""


class BoundedQueue(Generic[T]):
    """Bounded queue from one worker to the next.

    When it is full, a lossless queue makes its writer wait; any other drops its oldest item, so its
    writer never blocks. With a capacity of one that is "the newest wins".
    """

    def __init__(self, capacity: int, lossless: bool) -> None:
        self.lossless = lossless  # it may be changed, for the items that come from then on
        self.dropped, self._capacity = 0, capacity
        self._items: deque[T] = deque()
        self._closed = self._woken = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Add `item`. After `close` it is discarded: nobody is left to read it."""
        with self._changed:
            if self.lossless:
                self._changed.wait_for(lambda: self._closed or len(self) < self._capacity)
            if self._closed:
                return
            if len(self) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout: float) -> T | None:
        """Return the oldest item, None after `timeout` seconds or `wake`; QueueClosed: no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed or self._woken, timeout)
            self._woken = False
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            if self._closed:
                raise QueueClosed
            return None

    def wake(self) -> None:
        """Have a waiting reader return, with an item or without."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Release waiting writers; readers may still take what is left."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)


class LatestFrame:
    """Newest analyzed frame: one thread sets it, any number read it, and none waits for another."""

    def __init__(self) -> None:
        self.newest: AnalyzedFrame | None = None  # None where there is nothing to be seen
        self.kept, self._searched_only = True, False  # kept if anybody may look: it is large
        self._metrics = Metrics()
        self._changed = threading.Condition()

    def show(self, frame: AnalyzedFrame | None) -> None:
        """Put a frame, if it may be shown, in the place of the one before; None removes that."""
        if frame is not None:
            self._metrics.mark("frames")
            if not self.kept or (self._searched_only and not frame.tracked.searched):
                return
        with self._changed:
            self.newest = frame
            self._changed.notify_all()

    def limit(self, kept: bool, searched_only: bool) -> None:
        """Say whether anybody may look, and only at what was searched as a whole."""
        # Who came in between searches would be shown unhidden.
        removed = not kept or (searched_only and not self._searched_only)
        self.kept, self._searched_only = kept, searched_only
        if removed:
            self.show(None)

    @property
    def fps(self) -> float:
        """Frames per second, over the last ten seconds."""
        return self._metrics.rate("frames")

    def next(self, seen: AnalyzedFrame | None, timeout: float) -> AnalyzedFrame | None:
        """Return the newest frame, once it is not `seen`, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.newest is not seen, timeout)
            return self.newest


class Worker:
    """A thread that repeats `step` until it is stopped, its input ends, or a step fails.

    A step's return is the worker's heartbeat, so a step waits at most about a second for input. It
    raises `QueueClosed` when there will be no more. At the end, whatever ended it, all of `finish`
    run in turn. They close the queues on both sides of the worker: so an end
    travels down the pipeline by itself, and no writer is left waiting.
    """

    def __init__(
        self, name: str, step: Callable[[], None], finish: Sequence[Callable[[], None]] = ()
    ) -> None:
        self.name = name
        self.error: Exception | None = None  # the first that ended it
        self.heartbeat = time.monotonic()  # when the last step ended
        self._step, self._finish = step, finish
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end after the step it is in."""
        self._stopping.set()

    def join(self, timeout: float) -> bool:
        """Wait for its end; return whether it came within `timeout` seconds."""
        self._thread.join(max(0.0, timeout))
        return not self.alive

    @property
    def alive(self) -> bool:
        """Tell whether the thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        for work in (self._repeat, *self._finish):
            try:
                work()
            except QueueClosed:
                pass
            except Exception as error:
                self.error = self.error or error

    def _repeat(self) -> None:
        while not self._stopping.is_set():
            self._step()
            self.heartbeat = time.monotonic()
