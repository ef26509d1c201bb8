"""Worker protocol: one measurement, done by a process that is started for it.

What one candidate leaves in caches, allocators and libraries cannot help or hurt the next, and the
memory of each is its own. The request goes to the process as JSON on standard input, the result
comes back as JSON on standard output.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

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


class Timing(msgspec.Struct, frozen=True):
    """Milliseconds that the repetitions of one thing took."""

    p50: float
    p95: float
    p99: float
    fastest: float


class Request(msgspec.Struct, frozen=True):
    """Something to measure.

    Attributes:
        module: what `python -m` runs to measure it; it calls `serve_stdin`.
        result: type of what it answers.
    """

    module: ClassVar[str]
    result: ClassVar[type[Any]]

    @property
    def name(self) -> str:
        """What it is called where it cannot be measured."""
        return type(self).__name__


AnyRequest = TypeVar("AnyRequest", bound=Request)


class MeasurementFailed(EmotiondError):
    """Something could not be measured; the text says why."""


def run_in_subprocess(request: Request) -> Any:
    """Measure in a new process and return the result, of type `request.result`.

    Raises:
        MeasurementFailed: it could not be measured.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", request.module],
            input=msgspec.json.encode(request, enc_hook=str),  # paths
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MeasurementFailed(f"took more than {TIMEOUT:.0f} s") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise MeasurementFailed(lines[-1] if lines else "ended without a message")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=request.result)


def serve_stdin(request_type: type[AnyRequest], measure: Callable[[AnyRequest], object]) -> None:
    """Be a measuring process: do what standard input asks for and print the result.

    An error ends the process with its message in one line on standard error.
    """
    request = decode_request(sys.stdin.buffer.read(), request_type)
    try:
        result = measure(request)
    except Exception as error:
        sys.exit(" ".join(str(error).split()))
    print(msgspec.json.encode(result).decode(), flush=True)


def decode_request(text: bytes, request_type: type[AnyRequest]) -> AnyRequest:
    """Return the request in a JSON text."""
    return msgspec.json.decode(text, type=request_type, dec_hook=lambda kind, value: kind(value))


def repeat(call: Callable[[], object], seconds: float) -> Timing:
    """Call repeatedly for so many seconds, after a warm-up, and time each call."""
    _call_for(call, WARM_UP_SHARE * seconds)
    return summarize(_call_for(call, seconds))


def summarize(durations: Sequence[float]) -> Timing:
    """Return percentiles of durations, which are in seconds."""
    p50, p95, p99 = np.percentile(durations, [50, 95, 99]).tolist()
    return Timing(*(round(1000 * one, 4) for one in (p50, p95, p99, min(durations))))


def _call_for(call: Callable[[], object], seconds: float) -> list[float]:
    durations: list[float] = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end or len(durations) < MIN_CALLS:
        call()
        durations.append(time.perf_counter() - started)
    return durations
