"""What the daemon takes of the machine it runs on."""

import os
import time
from pathlib import Path

from edge.types import ResourceUsage

ZONES = Path("/sys/class/thermal")

HOTTEST_PLAUSIBLE = 150.0
"""Degrees Celsius; some boards report a sensor that is not there as less than nothing or more."""


class SystemStats:
    """Looks at the process now and then.

    Args:
        zones: where the kernel tells temperatures.

    Attributes:
        has_temperature: whether it tells one.
    """

    def __init__(self, zones: Path = ZONES) -> None:
        self._zones = zones
        self._looked = time.monotonic()
        self._spent = time.process_time()
        self._share = 0.0
        self.thermometer = self._temperature() is not None

    def look(self) -> ResourceUsage:
        """Return what the process took since the last look that was a second or more ago."""
        now, spent = time.monotonic(), time.process_time()
        if now - self._looked >= 1.0:
            self._share = (spent - self._spent) / (now - self._looked)
            self._looked, self._spent = now, spent
        return ResourceUsage(self._share, rss_bytes(), self._temperature())

    def _temperature(self) -> float | None:
        """Return the temperature of the hottest zone, as thermal throttling goes by it."""
        found = (_degrees(path) for path in self._zones.glob("thermal_zone*/temp"))
        plausible = [value for value in found if value and 0.0 < value < HOTTEST_PLAUSIBLE]
        return round(max(plausible), 1) if plausible else None


def _degrees(path: Path) -> float | None:
    """Read the thousandths of a degree that a zone gives (Documentation/driver-api/thermal)."""
    try:
        return int(path.read_text()) / 1000
    except (OSError, ValueError):  # a zone may be there and not answer
        return None


def rss_bytes(process: int | None = None) -> int:
    """Return the bytes of memory that a process has (proc(5), statm); 0 where none tells.

    Args:
        process: its number; None is this one.
    """
    try:
        pages = Path(f"/proc/{process or 'self'}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
