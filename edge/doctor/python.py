"""Python: old enough versions run nothing of emotiond, and no runtime is built for 32 bits."""

import platform
import sys
from collections.abc import Iterator

from edge.doctor.result import CheckResult, Level

SUBJECT = "python"

OLDEST = (3, 11)
"""As `requires-python` in pyproject.toml says."""

REMEDY_BITS = "install the 64-bit system; neither LiteRT nor OpenCV is built for 32 bits"
"""A Raspberry Pi OS of 32 bits runs on a kernel of 64, so the processor alone says nothing."""


def examine_python(
    version: tuple[int, int] = sys.version_info[:2], widest: int = sys.maxsize
) -> Iterator[CheckResult]:
    """Say whether this Python can run emotiond.

    Args:
        version: major and minor.
        widest: the largest index, which tells how wide its addresses are.
    """
    bits = 64 if widest > 2**32 else 32
    text = f"{version[0]}.{version[1]} of {bits} bits on {platform.machine()}: {sys.executable}"
    oldest = f"{OLDEST[0]}.{OLDEST[1]}"
    if version < OLDEST:
        yield CheckResult(Level.FAILURE, SUBJECT, text, f"install Python {oldest} or later")
    elif bits == 32:
        yield CheckResult(Level.FAILURE, SUBJECT, text, REMEDY_BITS)
    else:
        yield CheckResult(Level.OK, SUBJECT, f"{text}; {oldest} and later are supported")
