"""The machine that is measured on: what it is, how it fares, and who else uses it."""

import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edge import __version__
from edge.bench.schema import Conditions
from edge.doctor.processor import CPUINFO, GAINS
from edge.doctor.result import Level
from edge.doctor.throttling import DEVICES, examine_throttling
from edge.system_stats import SystemStats

BOARD = Path("/proc/device-tree/model")

STAT = Path("/proc/stat")

PACKAGES = (
    "ai-edge-litert",
    "tflite-runtime",
    "tensorflow",
    "keras",
    "opencv-python-headless",
    "opencv-python",
    "numpy",
    "mediapipe",
)
"""Those whose version makes a difference."""


def describe() -> dict[str, object]:
    """Return what does not change in a run, as `results.Machine` calls it."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "cpu": _processor(),
        "board": _board(),
        "architecture": platform.machine(),
        "cores": os.cpu_count() or 1,
        "features": _features(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def conditions() -> Conditions:
    """Return how the machine is at this moment."""
    frequency = DEVICES / "system/cpu/cpu0/cpufreq"
    kilohertz = _line(frequency / "scaling_cur_freq")
    held_back = [one for one in examine_throttling() if one.level is not Level.OK]
    return Conditions(
        temperature=SystemStats().look().temperature,
        throttling=tuple(finding.text for finding in held_back),
        governor=_line(frequency / "scaling_governor"),
        mhz=int(kilohertz) // 1000 if kilohertz else None,
    )


class Neighbours:
    """How much of the processors' time went to others since this was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy, self._own = _busy_seconds(), _own_seconds()

    def share(self) -> float:
        """Return it as a share of all the time there was; what the host took counts (steal)."""
        elapsed = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        others = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        return max(0.0, others / elapsed)


def _busy_seconds() -> float:
    """Return the seconds that all processors together were not idle (proc(5), stat)."""
    try:
        ticks = [int(word) for word in STAT.read_text().split(maxsplit=11)[1:9]]
    except OSError:
        return 0.0
    idle, waiting = ticks[3], ticks[4]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Return the seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def _processor() -> str:
    lines = (_text(CPUINFO) or "").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _board() -> str | None:
    return (_text(BOARD) or "").rstrip("\0\n") or None


def _features() -> tuple[str, ...]:
    words = set((_text(CPUINFO) or "").split())
    return tuple(flag for flag in GAINS.get(platform.machine(), ()) if flag in words)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _line(path: Path) -> str | None:
    text = _text(path)
    return text.strip() if text else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
