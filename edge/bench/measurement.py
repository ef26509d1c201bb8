"""Measurements in processes of their own, in turns.

What one leaves in caches, allocators and libraries changes no other, and each has its own memory.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from edge.errors import EmotiondError
from edge.processes import run_in_processes

WARM_UP_SHARE, MIN_CALLS = 0.2, 10  # of the time asked for, before it counts; timed calls at least
SCALE, NEIGHBORS = 1.3, 5  # of the reference: those of `detectMultiScale` in tutorials
REFERENCE_SECONDS, REFERENCE_INTERVAL = 0.5, 8  # its time; measurements between two of them


class Timing(NamedTuple):
    """Milliseconds that the repetitions of one thing took."""

    p50: float
    p95: float
    p99: float
    fastest: float


class Request(NamedTuple):
    """Request for one measurement; where it fails, it is listed under its name."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


class Measurements(NamedTuple):
    """Results of measurements in turns, and milliseconds of the reference computation."""

    results: list[list[Any]]  # of each request, one a round; none where it failed
    failures: dict[str, str]  # why, by the name of the request
    reference: list[float]


def time_reference() -> Timing:
    """Time OpenCV's default Haar cascade on a whole gray image of 640x480, as tutorials run it.

    Whatever slows a machine down (heat, other processes, another CPU) slows it down too: costs as
    multiples of it can be compared between runs and, roughly, between machines.
    """
    import cv2

    from edge.capture.source import read_first
    from edge.capture.video import VideoSettings
    from edge.commands.demo import CLIP
    from edge.detect.haar import cascade_file

    cv2.setNumThreads(1)  # as the daemon does
    gray = cv2.cvtColor(read_first(VideoSettings(CLIP).open()).image, cv2.COLOR_BGR2GRAY)
    cascade = cv2.CascadeClassifier(cascade_file("default"))
    return repeat(lambda: cascade.detectMultiScale(gray, SCALE, NEIGHBORS), REFERENCE_SECONDS)


def run_in_subprocess(request: Request) -> Any:
    """Return what a request's function does, in a new process; EmotiondError: it could not."""
    calls = [partial(request.function, *request.arguments)]
    ((_, outcome),) = run_in_processes(calls, 1, _silence)
    try:
        return outcome.result()
    except BrokenProcessPool:
        raise EmotiondError("its process was ended; is memory short?") from None
    except Exception as error:
        raise EmotiondError(" ".join(str(error).split())) from error


def _silence() -> None:
    """Discard what libraries print: it is no part of the tables."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)


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


def run_interleaved(
    requests: Sequence[Request], rounds: int, on_step: Callable[[], object] = lambda: None
) -> Measurements:
    """Measure each request once a round, each in its own process; call `on_step` after each."""
    measured, reference = Measurements([[] for _ in requests], {}, []), Request("", time_reference)
    for number in range(rounds):
        # Backwards every second time: a machine that slowly grows hot favors nothing.
        places = range(len(requests))[:: -1 if number % 2 else 1]
        for turn, place in enumerate(places):
            request, results = requests[place], measured.results[place]
            if turn % REFERENCE_INTERVAL == 0:
                measured.reference.append(run_in_subprocess(reference).p50)
            if len(results) == number:  # it has not failed
                try:
                    results.append(run_in_subprocess(request))
                except EmotiondError as error:
                    measured.failures[request.name] = str(error)
                    results.clear()
            on_step()
    measured.reference.append(run_in_subprocess(reference).p50)
    return measured
