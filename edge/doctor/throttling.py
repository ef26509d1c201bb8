"""Heat and power: what makes a processor slower than it could be."""

from collections.abc import Iterator
from pathlib import Path

from edge.doctor.result import CheckResult, Level
from edge.metrics import ZONES, SystemStats

DEVICES = Path("/sys/devices")

FIRMWARE = "platform/soc*/soc*firmware/get_throttled"
"""Where a Raspberry Pi's kernel shows what `vcgencmd get_throttled` tells."""

HOT = 80.0
"""Degrees Celsius from which a Raspberry Pi makes its processor slower (Raspberry Pi documentation,
"Frequency management and thermal control")."""

COOL = "give it air or a heat sink"
POWER = "give the board the power supply made for it, and let USB devices have one of their own"

FLAGS = (
    (0, "too little voltage", POWER),
    (1, "the processor's frequency is capped", COOL),
    (2, "the processor is throttled", COOL),
    (3, "the soft limit of temperature is reached", COOL),
)
"""Bits of `get_throttled` (Raspberry Pi documentation, "vcgencmd"), by what is so now."""

SINCE_BOOT = 16
"""Each bit stands a second time so much higher: it has been so since the boot."""


def examine_temperature(zones: Path = ZONES) -> Iterator[CheckResult]:
    """Say how hot it is.

    Args:
        zones: where the kernel tells temperatures.
    """
    degrees = SystemStats(zones).sample().temperature
    if degrees is None:
        yield CheckResult(Level.OK, "temperature", "there is no thermometer")
    elif degrees >= HOT:
        text = f"{degrees} °C; a Raspberry Pi is slower from {HOT:.0f} °C"
        yield CheckResult(Level.WARNING, "temperature", text, COOL)
    else:
        yield CheckResult(Level.OK, "temperature", f"{degrees} °C")


def examine_throttling(devices: Path = DEVICES) -> Iterator[CheckResult]:
    """Say whether the processor is held back, where it is known.

    Args:
        devices: the kernel's tree of devices.
    """
    for path in sorted(devices.glob(FIRMWARE)):
        yield from _examine_firmware(path)
    yield from _examine_frequency(devices / "system/cpu/cpu0/cpufreq")


def _examine_firmware(path: Path) -> Iterator[CheckResult]:
    value = _read(path, 16)
    if value is None:
        return
    for bit, text, remedy in FLAGS:
        if value >> bit & 1:
            yield CheckResult(Level.WARNING, "throttling", f"{text} now", remedy)
        elif value >> (bit + SINCE_BOOT) & 1:
            yield CheckResult(Level.WARNING, "throttling", f"since the boot: {text}", remedy)
    if value == 0:
        yield CheckResult(Level.OK, "throttling", "none since the boot")


def _examine_frequency(folder: Path) -> Iterator[CheckResult]:
    """Compare the frequency that is allowed with the highest there is, in kHz (cpufreq)."""
    allowed, highest = (
        _read(folder / name, 10) for name in ("scaling_max_freq", "cpuinfo_max_freq")
    )
    if not allowed or not highest:
        return
    text = f"up to {allowed // 1000} of {highest // 1000} MHz are allowed"
    if allowed < highest:
        remedy = f"raise {folder.parent.parent}/cpu*/cpufreq/scaling_max_freq"
        yield CheckResult(Level.WARNING, "frequency", text, remedy)
    else:
        yield CheckResult(Level.OK, "frequency", text)


def _read(path: Path, base: int) -> int | None:
    try:
        return int(path.read_text(), base)
    except (OSError, ValueError):
        return None
