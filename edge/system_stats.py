"""CPU time, memory and temperature: what the daemon takes of its machine."""

import os
import time
from pathlib import Path

from edge.types import ResourceUsage

ZONES = Path("/sys/class/thermal")

MAX_PLAUSIBLE_TEMPERATURE = 150.0
"""Degrees Celsius; some boards report a sensor that is not there as less than nothing or more."""


class SystemStats:
    """Samples the CPU time, memory and temperature of this process and machine.

    Args:
        zones: directory in which the kernel reports temperatures.

    Attributes:
        has_temperature: whether it reports one.
    """

    def __init__(self, zones: Path = ZONES) -> None:
        self._zones = zones
        self._sampled = time.monotonic()
        self._cpu_time = time.process_time()
        self._share = 0.0
        self.has_temperature = self._temperature() is not None

    def sample(self) -> ResourceUsage:
        """Return what the process took since the last sample that was a second or more ago."""
        now, cpu_time = time.monotonic(), time.process_time()
        if now - self._sampled >= 1.0:
            self._share = (cpu_time - self._cpu_time) / (now - self._sampled)
            self._sampled, self._cpu_time = now, cpu_time
        return ResourceUsage(self._share, rss_bytes(), self._temperature())

    def _temperature(self) -> float | None:
        """Return the temperature of the hottest zone, as thermal throttling goes by it."""
        found = (_degrees(path) for path in self._zones.glob("thermal_zone*/temp"))
        plausible = [value for value in found if value and 0.0 < value < MAX_PLAUSIBLE_TEMPERATURE]
        return round(max(plausible), 1) if plausible else None


def _degrees(path: Path) -> float | None:
    """Read the thousandths of a degree that a zone gives (Documentation/driver-api/thermal)."""
    try:
        return int(path.read_text()) / 1000
    except (OSError, ValueError):  # a zone may be there and not answer
        return None


def rss_bytes(process: int | None = None) -> int:
    """Return the bytes of memory that a process has (proc(5), statm); 0 where it is unknown.

    Args:
        process: its number; None is this one.
    """
    try:
        pages = Path(f"/proc/{process or 'self'}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
