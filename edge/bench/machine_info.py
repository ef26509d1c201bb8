"""Machine information: hardware and packages, present state, other load, and its speed."""

import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import cv2

from edge import __version__
from edge.bench.measurement import Request, Timing, repeat
from edge.bench.schema import Conditions, Machine
from edge.commands.demo import CLIP
from edge.detect.haar import Cascade
from edge.detect.image_ops import to_gray
from edge.doctor.machine import CPUINFO, DEVICES, INT8_FLAGS, check_throttling
from edge.errors import EmotiondError, Level
from edge.metrics import SystemStats

BOARD = Path("/proc/device-tree/model")

STAT = Path("/proc/stat")

PACKAGES = (
    *("ai-edge-litert", "tflite-runtime", "tensorflow", "keras"),
    *("opencv-python-headless", "opencv-python", "numpy", "mediapipe"),
)
"""Packages whose version changes the figures."""

SCALE, NEIGHBORS = 1.3, 5
"""Arguments of the reference computation: those of `detectMultiScale` in tutorials."""

REFERENCE_SECONDS = 0.5

MAX_REFERENCE_SPREAD = 0.15
"""Share of its median by which the reference computation may vary in a quiet run."""

MAX_OTHER_LOAD = 0.10
"""Share of the CPU time that other processes may take in a quiet run."""


class ReferenceRequest(Request, frozen=True):
    """Request for the reference computation: how fast is the machine at this moment?

    It is the search that most student projects run on every frame: OpenCV's default Haar cascade on
    a whole gray image of 640x480, here the first of the built-in clip. Whatever slows a machine
    down (heat, other processes, another CPU) slows it down too. So costs as multiples of it can be
    compared between runs and, roughly, between machines.
    """

    def measure(self) -> Timing:
        """Time it."""
        cv2.setNumThreads(1)  # as the daemon does
        success, image = cv2.VideoCapture(str(CLIP), cv2.CAP_FFMPEG).read()
        if not success:
            raise EmotiondError(f"{CLIP}: contains no image")
        gray = to_gray(image)  # type: ignore[arg-type]  # OpenCV does not say what it reads
        cascade = cv2.CascadeClassifier(str(Cascade.DEFAULT.file))
        return repeat(lambda: cascade.detectMultiScale(gray, SCALE, NEIGHBORS), REFERENCE_SECONDS)


class MachineMonitor:
    """State of the machine from the start of a run, when this is made, to its end."""

    def __init__(self) -> None:
        self._time = datetime.now(UTC)
        self._before = read_conditions()
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
            before=self._before,
            after=read_conditions(),
            reference_ms=middle,
            reference_spread=spread,
            others=others,
            noise=tuple(noise),
            not_measured=not_measured,
        )


def read_conditions() -> Conditions:
    """Return the state of the machine at this moment."""
    frequency = DEVICES / "system/cpu/cpu0/cpufreq"
    kilohertz = _read(frequency / "scaling_cur_freq")
    throttled = [one for one in check_throttling() if one.level is not Level.OK]
    return Conditions(
        temperature=SystemStats().sample().temperature,
        throttling=tuple(one.text for one in throttled),
        governor=_read(frequency / "scaling_governor").strip() or None,
        mhz=int(kilohertz) // 1000 if kilohertz else None,
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
