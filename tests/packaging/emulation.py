"""arm64 on this machine: the kernel calls Debian's qemu-user-static for its programs (binfmt_misc)."""

import os
from pathlib import Path

HANDLER = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")

CPUINFO = """\
processor\t: 0
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3
"""
"""/proc/cpuinfo of a Raspberry Pi 4: where it is that of another architecture, LiteRT crashes."""

CPU = {"QEMU_CPU": "cortex-a72"}
"""Variable of the environment that has the emulator be the CPU of a Raspberry Pi 4. With its own
choice, which has all extensions, LiteRT takes kernels whose answers are wrong: no face is found."""


def obstacle() -> str | None:
    """Return why arm64 cannot be emulated here, None where it can."""
    if os.geteuid() != 0:
        return "emulating arm64 needs root"
    # F: the kernel holds the emulator open, so that roots need not have it.
    if HANDLER.exists() and "F" in HANDLER.read_text().partition("flags: ")[2].split("\n")[0]:
        return None
    return (
        "arm64 is emulated by Debian's package qemu-user-static, where the kernel has binfmt_misc"
    )
