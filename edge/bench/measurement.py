"""Measurements in processes of their own: a request goes in, its result comes back.

What one candidate leaves in caches, allocators and libraries cannot help or hurt the next, and the
memory of each is its own. `python -m edge.bench.measurement` is such a process: it reads a pickled
request from standard input and writes the pickled result to standard output.
"""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.errors import EmotiondError

TIMEOUT = 600.0
"""Seconds that one measurement may take: a Raspberry Pi 3 with Keras is slow, but not that slow."""

WARM_UP_SHARE = 0.2
"""Share of the asked time that is spent before it counts: caches, branch predictors and the CPU's
frequency settle meanwhile."""

MIN_CALLS = 10
"""Calls that are timed at least, however long one takes."""


class BenchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Parts to measure, and the time for each.

    Attributes:
        files: .tflite and Keras models, or names of shipped ones; none stands for all shipped.
        detectors: names of `detector_settings`; none stands for all.
        video: what the stages see; None is the built-in clip.
        parts: of `models`, `pipeline` and `live`.
        rounds: how often each is measured.
        seconds: of each repetition of a model; the pipeline runs four times as long at a camera's
            rate.
        frames: of the video, in one repetition; a shorter one is repeated.
        live_fps: of the stream that the daemon watches.
        live_seconds: how long the daemon is measured.
    """

    files: tuple[Path, ...] = ()
    detectors: tuple[str, ...] = ()
    video: Path | None = None
    parts: tuple[str, ...] = ("models", "pipeline")
    rounds: int = 3
    seconds: float = 0.5
    frames: int = 300
    live_fps: float = 30.0
    live_seconds: float = 60.0


class Timing(msgspec.Struct, frozen=True):
    """Milliseconds that the repetitions of one thing took."""

    p50: float
    p95: float
    p99: float
    fastest: float


class Request(msgspec.Struct, frozen=True):
    """Request for one measurement."""

    @property
    def name(self) -> str:
        """Name under which it is listed where it cannot be measured."""
        return type(self).__name__

    def measure(self) -> Any:
        """Measure it in this process."""
        raise NotImplementedError


class MeasurementFailed(EmotiondError):
    """Something could not be measured; the text says why."""


def run_in_subprocess(request: Request) -> Any:
    """Return what `request.measure()` returns in a new process.

    Raises:
        MeasurementFailed: it could not be measured.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "edge.bench.measurement"],
            input=pickle.dumps(request),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MeasurementFailed(f"took more than {TIMEOUT:.0f} s") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise MeasurementFailed(lines[-1] if lines else "ended without a message")
    return pickle.loads(done.stdout)


def main() -> None:
    """Measure what standard input asks for.

    An error ends the process with its message in one line on standard error.
    """
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)  # what libraries print is no part of the result
        try:
            request: Request = pickle.load(sys.stdin.buffer)
            pickle.dump(request.measure(), output)
        except Exception as error:
            sys.exit(" ".join(str(error).split()))


def repeat(call: Callable[[], object], seconds: float) -> Timing:
    """Call repeatedly for so many seconds, after a warm-up, and time each call."""
    _call_for(call, WARM_UP_SHARE * seconds)
    return summarize(_call_for(call, seconds))


def _call_for(call: Callable[[], object], seconds: float) -> list[float]:
    durations: list[float] = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end or len(durations) < MIN_CALLS:
        call()
        durations.append(time.perf_counter() - started)
    return durations


def summarize(durations: Sequence[float]) -> Timing:
    """Return percentiles of durations, which are in seconds."""
    p50, p95, p99 = np.percentile(durations, [50, 95, 99]).tolist()
    return Timing(*(round(1000 * one, 4) for one in (p50, p95, p99, min(durations))))


if __name__ == "__main__":
    main()
