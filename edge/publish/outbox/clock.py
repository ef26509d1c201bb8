"""What a machine knows of time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _running() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The three clocks of a machine; a test brings its own.

    A machine without a battery for its clock starts in the past, and jumps by months when a time
    server answers. So only `running` measures, and `wall` is asked for nothing but how long the
    machine was off.

    Attributes:
        boot: names the present boot, other than every boot before.
        running: seconds since that boot, those asleep among them; never steps back.
        wall: seconds since 1970, or what the machine takes for them.
    """

    boot: Callable[[], str] = _boot
    running: Callable[[], float] = _running
    wall: Callable[[], float] = time.time
