"""The daemon as a process that is measured."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import EmotiondError

STOP_SECONDS = 30.0
"""How long it may take to stop."""


@contextmanager
def daemon(
    directory: Path, config: dict[str, Any], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon for as long as the `with` block lasts, then stop it as systemd does.

    Args:
        directory: for its config, and its log, `daemon.log`.
        config: what it runs by.
        environment: added to the process's own.
    """
    path = directory / "config.json"
    path.write_bytes(msgspec.json.encode(config))
    command = [sys.executable, "-m", "edge", "run", "--config", str(path)]
    with (directory / "daemon.log").open("w") as log:
        variables = {**os.environ, **(environment or {})}
        process = subprocess.Popen(command, stderr=log, env=variables)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)


def run_daemon(
    directory: Path,
    config: dict[str, Any],
    seconds: float,
    meanwhile: Callable[[float], None] = time.sleep,
) -> float:
    """Let the daemon run for `seconds`; return the share of one core it used.

    Args:
        directory: as `daemon`.
        config: what it runs by.
        seconds: how long.
        meanwhile: what is done for as long.
    """
    with daemon(directory, config) as process:
        meanwhile(seconds)
        return processor_seconds(process.pid) / seconds


def last_words(directory: Path) -> str:
    """Return what a daemon that has ended told of its numbers.

    Raises:
        EmotiondError: it ended before it could tell any; the text is the last it said.
    """
    lines = (directory / "daemon.log").read_text().splitlines()
    told = next((line for line in reversed(lines) if "fps in" in line), None)
    if told is None:
        raise EmotiondError(f"the daemon ended too early: {lines[-1] if lines else 'silently'}")
    return told.partition("; ")[2]


def processor_seconds(process: int) -> float:
    """Return the processor time that a running process took (proc(5), stat)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")
