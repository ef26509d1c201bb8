"""Measurements in processes of their own, in turns: a request goes in, its result comes back.

What one candidate leaves in caches, allocators and libraries cannot help or hurt the next, and the
memory of each is its own. `python -m edge.bench.measurement` is such a process: it reads a pickled
request from standard input and writes the pickled result to standard output.
"""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeVar

import msgspec
import numpy as np

from edge.errors import EmotiondError

TIMEOUT = 600.0
"""Seconds that one measurement may take: a Raspberry Pi 3 is slow, but not that slow."""

WARM_UP_SHARE = 0.2
"""Share of the asked time that is spent before it counts: caches, branch predictors and the CPU's
frequency settle meanwhile."""

MIN_CALLS = 10
"""Calls that are timed at least, however long one takes."""

SCALE, NEIGHBORS = 1.3, 5
"""Arguments of the reference computation: those of `detectMultiScale` in tutorials."""

REFERENCE_SECONDS = 0.5

REFERENCE_INTERVAL = 8
"""Measurements between two of the reference computation."""


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


class ReferenceRequest(Request, frozen=True):
    """Request for the reference computation: how fast is the machine at this moment?

    It is the search that most student projects run on every frame: OpenCV's default Haar cascade on
    a whole gray image of 640x480, here the first of the built-in clip. Whatever slows a machine
    down (heat, other processes, another CPU) slows it down too. So costs as multiples of it can be
    compared between runs and, roughly, between machines.
    """

    def measure(self) -> Timing:
        """Time it."""
        import cv2

        from edge.commands.demo import CLIP
        from edge.detect.haar import Cascade

        cv2.setNumThreads(1)  # as the daemon does
        success, image = cv2.VideoCapture(str(CLIP), cv2.CAP_FFMPEG).read()
        if not success:
            raise EmotiondError(f"{CLIP}: contains no image")
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        cascade = cv2.CascadeClassifier(str(Cascade.DEFAULT.file))
        return repeat(lambda: cascade.detectMultiScale(gray, SCALE, NEIGHBORS), REFERENCE_SECONDS)


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
    durations: list[float] = []
    for length in (WARM_UP_SHARE * seconds, seconds):
        durations.clear()
        end = time.perf_counter() + length
        while (started := time.perf_counter()) < end or len(durations) < MIN_CALLS:
            call()
            durations.append(time.perf_counter() - started)
    return summarize(durations)


def summarize(durations: Sequence[float]) -> Timing:
    """Return percentiles of durations, which are in seconds."""
    p50, p95, p99 = np.percentile(durations, [50, 95, 99]).tolist()
    return Timing(*(round(1000 * one, 4) for one in (p50, p95, p99, min(durations))))


@dataclass
class Measurements:
    """Results of measurements in turns.

    Attributes:
        results: of each request that could be measured, one a round.
        failures: why the others could not.
        reference: milliseconds of the reference computation, in the order of time.
    """

    results: dict[Any, list[Any]] = field(default_factory=dict)
    failures: dict[Any, str] = field(default_factory=dict)
    reference: list[float] = field(default_factory=list)

    def of(self, requests: Sequence[Request]) -> dict[Any, list[Any]]:
        """Return the results of some requests."""
        return {one: self.results[one] for one in requests if one in self.results}


def run_interleaved(
    requests: Sequence[Request], rounds: int, progress: Callable[[int], object]
) -> Measurements:
    """Measure each request once a round, each in a process of its own.

    Every other round goes backwards, so that a machine that slowly grows hot favors nothing. What
    fails once is not tried again.

    Args:
        requests: what is measured.
        rounds: how often.
        progress: called with the number of measurements that are done.
    """
    measured, done = Measurements(), 0
    for number in range(rounds):
        for place, request in enumerate(requests if number % 2 == 0 else requests[::-1]):
            if place % REFERENCE_INTERVAL == 0:
                measured.reference.append(run_in_subprocess(ReferenceRequest()).p50)
            if request not in measured.failures:
                try:
                    result = run_in_subprocess(request)
                    measured.results.setdefault(request, []).append(result)
                except MeasurementFailed as error:
                    measured.failures[request] = str(error)
                    measured.results.pop(request, None)
            done += 1
            progress(done)
    measured.reference.append(run_in_subprocess(ReferenceRequest()).p50)
    return measured


class ComparedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Row that is compared with another of its part, in the same run.

    Attributes:
        times: how many times as fast as `against`, the median of the rounds.
        times_low, times_high: the lowest and the highest of the rounds.
        against: name of the row it is compared with.
        rounds: how often it was measured.
    """

    times: float = 1.0
    times_low: float = 1.0
    times_high: float = 1.0
    against: str = ""
    rounds: int = 1

    @property
    def name(self) -> str:
        """Name that no other row of the result has."""
        raise NotImplementedError

    @property
    def cost(self) -> float:
        """Milliseconds by which rows are compared."""
        raise NotImplementedError


AnyRow = TypeVar("AnyRow", bound=ComparedRow)


def aggregate(
    results: Mapping[Request, Sequence[Sequence[AnyRow]]], base: str | None = None
) -> list[AnyRow]:
    """Return each row that requests were answered with, its rounds taken together.

    Ratios are taken round by round: what slows a machine down for a while slows down both.

    Args:
        results: for each request the rows of each round.
        base: name of the row the others are compared with; without such a row, the first.
    """
    rows = [rounds for answers in results.values() for rounds in zip(*answers, strict=True)]
    compared = next((rounds for rounds in rows if rounds[0].name == base), rows[0] if rows else ())
    return [_aggregate(rounds, compared) for rounds in rows]


def _aggregate(rounds: Sequence[AnyRow], base: Sequence[AnyRow]) -> AnyRow:
    """Return medians of times, the minimum of minima, and sums of counts."""
    fields: dict[str, Any] = {}
    for name in rounds[0].__struct_fields__:
        values = [getattr(row, name) for row in rounds]
        if isinstance(values[0], int):
            fields[name] = sum(values)
        elif isinstance(values[0], float):
            fields[name] = min(values) if name.startswith("min_") else median(values)
    ratios = [other.cost / row.cost for row, other in zip(rounds, base, strict=True)]
    fields |= {"times": median(ratios), "times_low": min(ratios), "times_high": max(ratios)}
    return msgspec.structs.replace(rounds[0], **fields, against=base[0].name)


if __name__ == "__main__":
    main()
