"""Sandbox of one case: a forked child with a time limit, whose end and memory are judged."""

import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from edge.metrics import rss_bytes

FAULT, TOO_LARGE = 70, 71
"""Exit codes of a child that met an exception nobody expected, or took too much memory."""

MAX_SECONDS = 20
"""CPU seconds of one case; what takes longer would hold a daemon up."""

MAX_GROWTH_BYTES = 600_000_000
"""Resident bytes that one case may add to those of its parent."""

ADDRESS_SPACE_BYTES = 16_000_000_000
"""Bytes of address space of a child: a runaway case must not take the machine down."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """End of one case.

    Attributes:
        problem: `signal 11`, `traceback`, `too much memory` or `too slow`; empty where all is well.
        detail: last lines of what the child wrote.
    """

    problem: str
    detail: str


def run_case(action: Callable[[], object], expected: tuple[type[BaseException], ...]) -> Verdict:
    """Run `action` in a forked child and judge how it ended.

    Args:
        action: reads one input.
        expected: exceptions that are its right answer to a damaged one.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _child(action, expected, output.fileno())
        _, status = os.waitpid(child, 0)
        output.seek(max(0, output.seek(0, os.SEEK_END) - 3000))
        detail = output.read().decode(errors="replace")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        slow = number in (signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL)
        return Verdict("too slow" if slow else f"signal {number}", detail)
    problem = {FAULT: "traceback", TOO_LARGE: "too much memory"}.get(os.WEXITSTATUS(status), "")
    return Verdict(problem, detail)


def _child(
    action: Callable[[], object], expected: tuple[type[BaseException], ...], output: int
) -> None:
    """Run the action and end this process; never returns."""
    code = 0
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = sys.stderr = os.fdopen(2, "w", closefd=False)
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(5 * MAX_SECONDS)
        before = rss_bytes(os.getpid())  # its share of the parent's pages only
        with suppress(*expected):
            action()
        grown = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if grown > MAX_GROWTH_BYTES:
            code = TOO_LARGE
            print(f"{grown / 1e6:.0f} MB")
    except BaseException:  # whatever it is, the parent has to know
        code = FAULT
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
