"""Machine information: hardware and packages, present state, other load, and its speed."""

import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import msgspec

from edge import __version__
from edge.doctor import Level
from edge.doctor.machine import CPUINFO, INT8_FLAGS, check_throttling
from edge.metrics import SystemStats

BOARD = Path("/proc/device-tree/model")

STAT = Path("/proc/stat")

PACKAGES = (
    *("ai-edge-litert", "tflite-runtime", "tensorflow", "keras"),
    *("opencv-python-headless", "opencv-python", "numpy", "mediapipe"),
)
"""Packages whose version changes the figures."""

MAX_REFERENCE_SPREAD = 0.15
"""Share of its median by which the reference computation may vary in a quiet run."""

MAX_OTHER_LOAD = 0.10
"""Share of the CPU time that other processes may take in a quiet run."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Machine that was measured on, and how far its figures can be trusted.

    Attributes:
        time: UTC of the start.
        board: name in the device tree; None on a PC.
        features: instruction sets that the models gain by.
        temperature: degrees Celsius of the hottest zone at the end; None without a thermometer.
        throttling: what slowed the CPU down, in words.
        reference_ms: median time of the reference computation (`ReferenceRequest`).
        reference_spread: its slowest time less its fastest, as a share of the median.
        others: share of the CPU time that other processes, and other guests of the host, took.
        noise: reasons not to trust the figures; empty where there are none.
        not_measured: what could not be measured, and why.
    """

    time: str
    version: str
    cpu: str
    board: str | None
    architecture: str
    cores: int
    features: tuple[str, ...]
    memory_mb: int
    system: str
    python: str
    packages: dict[str, str]
    temperature: float | None = None
    throttling: tuple[str, ...] = ()
    reference_ms: float
    reference_spread: float
    others: float
    noise: tuple[str, ...]
    not_measured: dict[str, str]


class MachineMonitor:
    """State of the machine from the start of a run, when this is made, to its end."""

    def __init__(self) -> None:
        self._time = datetime.now(UTC)
        self._started = time.monotonic()
        self._busy, self._own = _busy_seconds(), sum(os.times()[:4])

    def other_load(self) -> float:
        """Return the share of the CPU time that other processes, and guests of the host, took."""
        elapsed = (time.monotonic() - self._started) * (os.cpu_count() or 1)
        own = sum(os.times()[:4]) - self._own  # of this process and of its children that ended
        return max(0.0, (_busy_seconds() - self._busy - own) / elapsed)

    def describe(self, reference: Sequence[float], not_measured: dict[str, str]) -> Machine:
        """Return the machine, and the reasons not to trust its figures.

        Args:
            reference: milliseconds of the reference computation during the run.
            not_measured: what could not be measured, and why.
        """
        middle, others = median(reference), self.other_load()
        spread = (max(reference) - min(reference)) / middle
        noise = []
        if spread > MAX_REFERENCE_SPREAD:
            noise.append(f"the reference computation varied by {spread:.0%}; compare ratios only")
        if others > MAX_OTHER_LOAD:
            noise.append(f"others took {others:.0%} of the CPU; end them and measure again")
        cpuinfo, architecture = _read(CPUINFO), platform.machine()
        models = [line for line in cpuinfo.splitlines() if line.startswith("model name")]
        cpu = models[0].partition(":")[2].strip() if models else platform.processor()
        flags = set(cpuinfo.split())
        return Machine(
            time=self._time.isoformat(timespec="seconds"),
            version=__version__,
            cpu=cpu or architecture,
            board=_read(BOARD).rstrip("\0\n") or None,
            architecture=architecture,
            cores=os.cpu_count() or 1,
            features=tuple(flag for flag in INT8_FLAGS.get(architecture, ()) if flag in flags),
            memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            packages={name: found for name in PACKAGES if (found := _installed(name))},
            temperature=SystemStats().sample().temperature,
            throttling=tuple(one.text for one in check_throttling() if one.level is not Level.OK),
            reference_ms=middle,
            reference_spread=spread,
            others=others,
            noise=tuple(noise),
            not_measured=not_measured,
        )


def _busy_seconds() -> float:
    """Return the seconds that all cores together were not idle (proc(5), stat); steal counts."""
    ticks = [int(word) for word in _read(STAT).split(maxsplit=11)[1:9]]
    return (sum(ticks) - sum(ticks[3:5])) / os.sysconf("SC_CLK_TCK")


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _read(path: Path) -> str:
    """Return the text of a file; empty where it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""
