"""A booted Debian that does as it is told."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from tests.brokers import wait_until

CHECKOUT, SUPPLIES = "/srv/emotiond", "/srv/supplies"
"""Where a guest sees, read-only, the project, and what it has no network to fetch."""

PATIENCE = 60.0
"""Seconds that a command may take at this machine's pace."""


_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


class CommandFailed(AssertionError):
    """A command ended with another code than 0."""

    def __init__(self, command: str, done: Completed) -> None:
        said = (done.stdout + done.stderr).strip()
        super().__init__(f"`{command}` ended with {done.returncode}: {said}")


class Guest(Protocol):
    """A machine of its own, with systemd as its first process and without network.

    Attributes:
        slowness: how many times longer than on this machine things may take there.
        has_cameras: whether camera drivers can be loaded.
    """

    slowness: float
    has_cameras: bool

    def execute(self, command: str, stdin: str, timeout: float) -> Completed:
        """Run a line of bash as root and return how it ended.

        Args:
            command: what it leaves running in the background must write elsewhere.
            stdin: what it reads.
            timeout: seconds.

        Raises:
            TimeoutExpired: it did not end in time.
        """

    def reboot(self) -> None:
        """Restart it, and return once it has booted again."""

    def close(self) -> None:
        """End it at once, and forget what was written."""


def run(guest: Guest, command: str, stdin: str = "", timeout: float = PATIENCE) -> str:
    """Run a line of bash as root and return what it wrote to its standard output.

    Raises:
        CommandFailed: it ended with another code than 0.
        TimeoutExpired: it did not end in time.
    """
    done = guest.execute(command, stdin, timeout * guest.slowness)
    if done.returncode != 0:
        raise CommandFailed(command, done)
    return done.stdout


def write(guest: Guest, path: str, content: str) -> None:
    """Write a file, readable by all."""
    run(guest, f"cat > {path} && chmod 644 {path}", stdin=content)


def read(guest: Guest, path: str) -> str:
    """Return the content of a file; nothing where there is none."""
    return guest.execute(f"cat {path}", "", PATIENCE * guest.slowness).stdout


def wait(guest: Guest, condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something to be true.

    Args:
        guest: it may take longer there.
        condition: what is asked again and again.
        seconds: at this machine's pace.

    Raises:
        AssertionError: it is not true in time.
    """
    wait_until(condition, seconds * guest.slowness)


def start(guest: Guest, name: str, command: str, output: str = "journal") -> str:
    """Run a command beside others, and return the name of the unit that it is.

    Args:
        guest: where.
        name: what the unit's name begins with.
        command: a program and its arguments.
        output: where its standard output goes, as a unit's `StandardOutput=` has it.
    """
    unit = f"{name}-{next(_numbers)}"  # systemd may not yet have forgotten one that ended
    options = f"--quiet --collect --unit={unit} --property=StandardOutput={output}"
    run(guest, f"systemd-run {options} {command}")
    return unit


def stop(guest: Guest, unit: str) -> None:
    """End what was started, if it runs."""
    guest.execute(f"systemctl stop {unit}", "", PATIENCE * guest.slowness)
