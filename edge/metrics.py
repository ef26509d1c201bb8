"""Metrics: counters, rates and percentiles."""

import threading
import time
from collections import Counter, deque

import numpy as np

WINDOW = 1024
"""Number of the latest values that a percentile is taken over."""

RATE_SECONDS = 10.0
"""Seconds that a rate is taken over."""


class Metrics:
    """Counters and distributions that several threads write and one reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._marks: dict[str, deque[float]] = {}
        self._values: dict[str, deque[float]] = {}

    def count(self, name: str, amount: int = 1) -> None:
        """Add `amount` to the counter `name`."""
        with self._lock:
            self._counts[name] += amount

    def total(self, name: str) -> int:
        """Return the counter `name`, 0 when nothing was counted."""
        with self._lock:
            return self._counts[name]

    def mark(self, name: str) -> None:
        """Count one `name` and remember when, for `rate`."""
        now = time.monotonic()
        with self._lock:
            self._counts[name] += 1
            marks = self._marks.setdefault(name, deque())
            marks.append(now)
            while now - marks[0] > RATE_SECONDS:
                marks.popleft()

    def rate(self, name: str, now: float | None = None) -> float:
        """Return how many `name` a second were marked over the ten seconds before `now`."""
        now = time.monotonic() if now is None else now
        with self._lock:
            recent = [mark for mark in self._marks.get(name, ()) if now - mark <= RATE_SECONDS]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / max(now - recent[0], 1e-9)

    def observe(self, name: str, value: float) -> None:
        """Add `value` to the distribution `name`."""
        with self._lock:
            self._values.setdefault(name, deque(maxlen=WINDOW)).append(value)

    def percentile(self, name: str, percent: float) -> float | None:
        """Return that percentile of the latest values of `name`, None when there are none."""
        with self._lock:
            values = list(self._values.get(name, ()))
        return float(np.percentile(values, percent)) if values else None
