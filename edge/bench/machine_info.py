"""Machine information: hardware and packages, present state, other load, and its speed."""

import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import msgspec

from edge import __version__
from edge.bench.schema import Conditions
from edge.bench.worker_protocol import Request, Timing, repeat, serve_stdin
from edge.commands.demo import CLIP
from edge.detect.haar import Cascade
from edge.detect.image_ops import to_gray
from edge.doctor import Level
from edge.doctor.machine import CPUINFO, DEVICES, INT8_FLAGS, check_throttling
from edge.errors import EmotiondError
from edge.metrics import SystemStats

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
"""Packages whose version changes the figures."""

SCALE, NEIGHBORS = 1.3, 5
"""Arguments of the reference computation: those of `detectMultiScale` in tutorials."""

REFERENCE_SECONDS = 0.5


class ReferenceResult(msgspec.Struct, frozen=True):
    """Time of the reference computation."""

    call: Timing


class ReferenceRequest(Request, frozen=True):
    """Request for the reference computation: how fast is the machine at this moment?"""

    module = "edge.bench.machine_info"
    result = ReferenceResult


def describe_machine() -> dict[str, object]:
    """Return what does not change during a run, by the names of `schema.Machine`."""
    cpuinfo = _read(CPUINFO)
    lines = [line for line in cpuinfo.splitlines() if line.startswith("model name")]
    cpu = lines[0].partition(":")[2].strip() if lines else platform.processor()
    flags = set(cpuinfo.split())
    architecture = platform.machine()
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "cpu": cpu or architecture,
        "board": _read(BOARD).rstrip("\0\n") or None,
        "architecture": architecture,
        "cores": os.cpu_count() or 1,
        "features": tuple(flag for flag in INT8_FLAGS.get(architecture, ()) if flag in flags),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _installed(name))},
    }


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


class OtherCpuLoad:
    """CPU time that other processes, and other guests of the host, took since this was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._busy, self._own = _busy_seconds(), sum(os.times()[:4])

    def share(self) -> float:
        """Return it as a share of all the time there was on every core."""
        elapsed = (time.monotonic() - self._started) * (os.cpu_count() or 1)
        own = sum(os.times()[:4]) - self._own  # of this process and of its children that ended
        return max(0.0, (_busy_seconds() - self._busy - own) / elapsed)


def measure_reference(_: ReferenceRequest) -> ReferenceResult:
    """Time the reference computation.

    It is the search that most student projects run on every frame: OpenCV's default Haar cascade on
    a whole gray image of 640x480, here the first of the built-in clip. Whatever slows a machine
    down (heat, other processes, another CPU) slows it down too. So costs as multiples of it can be
    compared between runs and, roughly, between machines.
    """
    cv2.setNumThreads(1)  # as the daemon does
    success, image = cv2.VideoCapture(str(CLIP), cv2.CAP_FFMPEG).read()
    if not success:
        raise EmotiondError(f"{CLIP}: contains no image")
    gray = to_gray(image)  # type: ignore[arg-type]  # OpenCV does not say what it reads
    cascade = cv2.CascadeClassifier(str(Cascade.DEFAULT.file))
    timing = repeat(lambda: cascade.detectMultiScale(gray, SCALE, NEIGHBORS), REFERENCE_SECONDS)
    return ReferenceResult(timing)


def _busy_seconds() -> float:
    """Return the seconds that all cores together were not idle (proc(5), stat); steal counts."""
    words = _read(STAT).split(maxsplit=11)[1:9]
    ticks = [int(word) for word in words]
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


if __name__ == "__main__":
    serve_stdin(ReferenceRequest, measure_reference)
