"""Repeating a call and timing each repetition."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from edge.bench.worker_protocol import Timing

WARM_UP = 0.2
"""Share of the time asked for that is spent before it counts: caches, branch predictors and the
processor's frequency settle in it."""

FEWEST = 10
"""Repetitions, however long one takes."""


def repeat(call: Callable[[], object], seconds: float) -> Timing:
    """Call again and again for so long, after a warm-up; return how long the calls took."""
    _spend(call, WARM_UP * seconds)
    return timing(_spend(call, seconds))


def timing(times: Sequence[float]) -> Timing:
    """Return what durations in seconds come to."""
    p50, p95, p99 = np.percentile(times, [50, 95, 99]).tolist()
    return Timing(*(round(1000 * one, 4) for one in (p50, p95, p99, min(times))))


def _spend(call: Callable[[], object], seconds: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end or len(times) < FEWEST:
        call()
        times.append(time.perf_counter() - began)
    return times
