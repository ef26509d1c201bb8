"""The processor: whether it tells of itself, and has the instructions that int8 models gain by."""

import platform
from collections.abc import Iterator
from pathlib import Path

from edge.doctor.result import CheckResult, Level

SUBJECT = "processor"

CPUINFO = Path("/proc/cpuinfo")

GAINS = {
    "x86_64": ("avx2", "avx512_vnni", "avx_vnni"),
    "aarch64": ("asimddp",),
}
"""Flags in /proc/cpuinfo of instructions that XNNPACK has faster int8 kernels for."""

WITHOUT = {
    "x86_64": "without avx2, models take longer",
    # docs/quality.md: the network of `emotiond` at 320x240, millions of instructions.
    "aarch64": "without asimddp, as in a Raspberry Pi 3 and 4: the detector's network takes 27.0 "
    "million instructions a call, with it 10.8",
}


BLIND = "LiteRT then leaves out XNNPACK, and models take hundreds of times as long"
"""`shallow-int8` 0.15 and 76 ms, `face-320x240` 0.28 and 107 ms (LiteRT 2.3.0, x86-64, /proc with
subset=pid; 2026-11-26)."""


def examine_processor(cpuinfo: Path = CPUINFO, machine: str | None = None) -> Iterator[CheckResult]:
    """Say what models gain by here.

    Args:
        cpuinfo: what the kernel tells of the processors (proc(5)).
        machine: the architecture, as uname names it; None takes this one's.
    """
    machine = machine or platform.machine()
    try:
        words = set(cpuinfo.read_text().split())
    except OSError as error:
        text = f"{cpuinfo}: cannot be read: {error.strerror}; {BLIND}"
        remedy = "mount /proc whole; a unit's ProcSubset=pid hides it"
        yield CheckResult(Level.WARNING, SUBJECT, text, remedy)
        return
    has = [flag for flag in GAINS.get(machine, ()) if flag in words]
    gains = f"with {', '.join(has)}" if has else WITHOUT.get(machine, "of a kind not known here")
    yield CheckResult(Level.OK, SUBJECT, f"{machine} {gains}")
