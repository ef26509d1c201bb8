"""Measurements in processes of their own, in turns: a request goes in, its result comes back.

What one candidate leaves in caches, allocators and libraries cannot help or hurt the next, and the
memory of each is its own.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

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

REFERENCE_SECONDS, REFERENCE_INTERVAL = 0.5, 8
"""Time of the reference computation, and measurements between two of them."""


class Timing(msgspec.Struct, frozen=True):
    """Milliseconds that the repetitions of one thing took."""

    p50: float
    p95: float
    p99: float
    fastest: float


@dataclass(frozen=True, slots=True)
class Request:
    """Request for one measurement: a function of a module, called in a process of its own.

    Attributes:
        name: under which it is listed where it cannot be measured.
        function, arguments: what is called.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


class MeasurementFailed(EmotiondError):
    """Something could not be measured; the text says why."""


def time_reference() -> Timing:
    """Time the reference computation: how fast is the machine at this moment?

    It is the search that most student projects run on every frame: OpenCV's default Haar cascade on
    a whole gray image of 640x480, here the first of the built-in clip. Whatever slows a machine
    down (heat, other processes, another CPU) slows it down too. So costs as multiples of it can be
    compared between runs and, roughly, between machines.
    """
    import cv2

    from edge.capture.source import read_first
    from edge.capture.video import VideoSettings
    from edge.commands.demo import CLIP
    from edge.detect.haar import Cascade

    cv2.setNumThreads(1)  # as the daemon does
    gray = cv2.cvtColor(read_first(VideoSettings(CLIP).open()).image, cv2.COLOR_BGR2GRAY)
    cascade = cv2.CascadeClassifier(str(Cascade.DEFAULT.file))
    return repeat(lambda: cascade.detectMultiScale(gray, SCALE, NEIGHBORS), REFERENCE_SECONDS)


REFERENCE = Request("reference", time_reference)


def run_in_subprocess(request: Request) -> Any:
    """Return what the function of a request returns in a new process.

    Raises:
        MeasurementFailed: it could not be measured.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(request, sender))
    # Ctrl-C is the parent's: a child that is just starting would print a traceback.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    process.start()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    sender.close()
    try:
        if not receiver.poll(TIMEOUT):
            raise MeasurementFailed(f"took more than {TIMEOUT:.0f} s")
        result, error = receiver.recv()
    except EOFError:
        process.join()
        raise MeasurementFailed(f"its process ended with code {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
        receiver.close()
    if error is not None:
        raise MeasurementFailed(error)
    return result


def _answer(request: Request, sender: Connection) -> None:
    """Send the result, and None; or None, and why there is none, in one line."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # what libraries print is no part of the tables
    os.dup2(silence, 2)
    try:
        sender.send((request.function(*request.arguments), None))
    except Exception as error:
        sender.send((None, " ".join(str(error).split())))


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
        results: of each request, in their order, one a round; none where it failed.
        failures: why what could not be measured, by its name.
        reference: milliseconds of the reference computation, in the order of time.
    """

    results: list[list[Any]]
    failures: dict[str, str] = field(default_factory=dict)
    reference: list[float] = field(default_factory=list)


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
    measured, failed, done = Measurements([[] for _ in requests]), set[int](), 0
    for number in range(rounds):
        places = range(len(requests))
        for turn, place in enumerate(places if number % 2 == 0 else reversed(places)):
            if turn % REFERENCE_INTERVAL == 0:
                measured.reference.append(run_in_subprocess(REFERENCE).p50)
            if place not in failed:
                try:
                    measured.results[place].append(run_in_subprocess(requests[place]))
                except MeasurementFailed as error:
                    measured.failures[requests[place].name] = str(error)
                    measured.results[place].clear()
                    failed.add(place)
            done += 1
            progress(done)
    measured.reference.append(run_in_subprocess(REFERENCE).p50)
    return measured
