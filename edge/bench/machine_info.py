"""Machine information: hardware and packages, heat, and how steady its speed was."""

import os
import platform
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path
from statistics import median

import msgspec

from edge import __version__
from edge.doctor.machine import CPUINFO, INT8_FLAGS, check_throttling
from edge.errors import Level
from edge.metrics import SystemStats

BOARD = Path("/proc/device-tree/model")

PACKAGES = ["ai-edge-litert", "tflite-runtime", "tensorflow", "keras", "numpy", "mediapipe"]
PACKAGES += ["opencv-python-headless", "opencv-python"]
"""Packages whose version changes the figures."""

MAX_REFERENCE_SPREAD = 0.15  # share of its median by which it varies in a quiet run


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Machine that was measured on, and how far its figures can be trusted."""

    time: str
    version: str
    cpu: str
    board: str | None  # name in the device tree
    architecture: str
    cores: int
    features: tuple[str, ...]  # instruction sets that the models gain by
    memory_mb: int
    system: str
    python: str
    packages: dict[str, str]
    temperature: float | None = None  # degrees Celsius of the hottest zone, at the end
    throttling: tuple[str, ...] = ()
    reference_ms: float  # median of `edge.bench.measurement.time_reference`
    reference_spread: float  # its slowest time less its fastest, as a share of the median
    noise: tuple[str, ...]  # reasons not to trust the figures
    not_measured: dict[str, str]


def describe_machine(
    started: datetime, reference: Sequence[float], not_measured: dict[str, str]
) -> Machine:
    """Return the machine, given the milliseconds of the reference computation during the run."""
    versions = {one.name.replace("_", "-"): one.version for one in distributions()}
    middle = median(reference)
    spread = (max(reference) - min(reference)) / middle
    noise = f"the reference computation varied by {spread:.0%}; compare ratios only"
    architecture, cpuinfo, board = platform.machine(), "", None
    with suppress(OSError):
        cpuinfo = CPUINFO.read_text()
        board = BOARD.read_text().rstrip("\0\n")
    cpu = re.search(r"^model name\s*: (.+)", cpuinfo, re.M)
    flags = set(cpuinfo.split())
    return Machine(
        time=started.isoformat(timespec="seconds"),
        version=__version__,
        cpu=cpu[1] if cpu else platform.processor() or architecture,
        board=board,
        architecture=architecture,
        cores=os.cpu_count() or 1,
        features=tuple(flag for flag in INT8_FLAGS.get(architecture, ()) if flag in flags),
        memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages={name: versions[name] for name in PACKAGES if name in versions},
        temperature=SystemStats().sample().temperature,
        throttling=tuple(one.text for one in check_throttling() if one.level is not Level.OK),
        reference_ms=middle,
        reference_spread=spread,
        noise=(noise,) if spread > MAX_REFERENCE_SPREAD else (),
        not_measured=not_measured,
    )
