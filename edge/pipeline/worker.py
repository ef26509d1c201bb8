"""Stages, threads that repeat one step, and the channels between them."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SETTLING = 0.01
"""Seconds between looks at whether a stage has done what it was asked."""


class QueueClosed(Exception):
    """The channel was closed and holds nothing more: the reader's work is done."""


class BoundedQueue(Generic[T]):
    """A bounded passage from one stage to the next.

    When it is full, a lossless channel makes its writer wait; any other drops its oldest item and
    counts it, so its writer never blocks. With a capacity of one that is "the newest wins".

    Args:
        capacity: how many items it holds.
        lossless: wait rather than drop.

    Attributes:
        dropped: how many items it dropped.
        lossless: as given; it may be changed, for the items that come from then on.
    """

    def __init__(self, capacity: int, lossless: bool) -> None:
        self.dropped = 0
        self.lossless = lossless
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Hand `item` over. After `close` it is let go: nobody is left to read it."""
        with self._changed:
            if self.lossless:
                self._changed.wait_for(lambda: self._closed or self._has_room())
            if self._closed:
                return
            if not self._has_room():
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout: float) -> T | None:
        """Return the oldest item, or None when none came within `timeout` seconds.

        Raises:
            QueueClosed: it is closed and empty.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, timeout)
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            if self._closed:
                raise QueueClosed
            return None

    def get_all(self, timeout: float, limit: int) -> list[T]:
        """Return the oldest items, at most `limit`; none when none came within `timeout` seconds.

        Raises:
            QueueClosed: it is closed and empty.
        """
        first = self.get(timeout)
        if first is None:
            return []
        with self._changed:
            rest = [self._items.popleft() for _ in range(min(limit - 1, len(self._items)))]
            self._changed.notify_all()
        return [first, *rest]

    def clear(self) -> None:
        """Let go of what nobody has read yet; it does not count as dropped."""
        with self._changed:
            self._items.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Let writers go and readers finish what is left."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)

    def _has_room(self) -> bool:
        return len(self._items) < self._capacity


class Worker:
    """A thread that repeats `step` until it is stopped, its input ends, or a step fails.

    A step's return is the stage's heartbeat, so a step waits at most about a second for input. It
    raises `QueueClosed` when there will be no more. `finish` runs once at the end, whatever ended
    it, and closes the channels on both sides of the stage: so an end travels down the pipeline by
    itself, and no writer is left waiting.
    """

    def __init__(self, name: str, step: Callable[[], None], finish: Callable[[], None]) -> None:
        self.name = name
        self.error: Exception | None = None
        self.heartbeat = time.monotonic()
        self._step = step
        self._finish = finish
        self._asked: deque[Callable[[], None]] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ask(self, work: Callable[[], None]) -> None:
        """Have `work` done by the stage's own thread, between two steps.

        So what a stage owns is changed by nobody else, and needs no lock.
        """
        self._asked.append(work)

    @property
    def settled(self) -> bool:
        """Whether all that was asked is done; what has ended does nothing more."""
        return not self._asked or not self.alive

    def settle(self) -> None:
        """Wait until all that was asked is done; another stage's thread may, its own must not."""
        while not self.settled:
            time.sleep(SETTLING)

    def stop(self) -> None:
        """Ask it to end after the step it is in."""
        self._stopping.set()

    def join(self, timeout: float) -> bool:
        """Wait for its end; return whether it came within `timeout` seconds."""
        self._thread.join(max(0.0, timeout))
        return not self.alive

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        for work in (self._repeat, self._finish):
            try:
                work()
            except Exception as error:
                self.error = self.error or error

    def _repeat(self) -> None:
        try:
            while not self._stopping.is_set():
                while self._asked:
                    self._asked[0]()  # it is asked for until it is done
                    self._asked.popleft()
                self._step()
                self.heartbeat = time.monotonic()
        except QueueClosed:
            pass
