"""The clock: events carry UTC, and a Raspberry Pi learns it from the network."""

import ctypes
import os
import struct
import time
from collections.abc import Callable, Iterator

from edge.doctor.result import CheckResult, Level

SUBJECT = "clock"

TIMEX = struct.Struct("@illl")
"""The beginning of struct timex (adjtimex(2)): modes, offset, freq, maxerror."""

TIMEX_ROOM = 512
"""Bytes; the whole struct has 208 on machines of 64 bits."""

UNKNOWN_ERROR = 16.0
"""Seconds; the kernel's greatest possible error stands there while nothing disciplines the clock
(NTP_PHASE_LIMIT of linux/timex.h; `timedatectl` goes by it too)."""

WRITTEN = 2026
"""The year of this file; a clock before it was never set."""

REMEDY = "sudo timedatectl set-ntp true, or install chrony or systemd-timesyncd"


def kernel_error() -> float:
    """Return by how many seconds the clock may be wrong, as the kernel holds; needs no rights.

    Raises:
        OSError: it does not say.
    """
    room = ctypes.create_string_buffer(TIMEX_ROOM)
    if ctypes.CDLL(None, use_errno=True).adjtimex(room) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return float(TIMEX.unpack_from(room)[3]) / 1e6


def examine_clock(
    error: Callable[[], float] = kernel_error, now: Callable[[], float] = time.time
) -> Iterator[CheckResult]:
    """Say whether the time is right.

    Args:
        error: how wrong the clock may be, in seconds.
        now: the time since 1970 in seconds.
    """
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now()))
    if time.gmtime(now()).tm_year < WRITTEN:
        yield CheckResult(Level.WARNING, SUBJECT, f"{shown} is long past; events carry it", REMEDY)
        return
    try:
        unknown = error() >= UNKNOWN_ERROR
    except OSError as refused:
        text = f"{shown}; the kernel does not say whether it is right: {refused.strerror}"
        yield CheckResult(Level.OK, SUBJECT, text)
        return
    if unknown:
        text = f"{shown}, which nothing keeps right; events carry it"
        yield CheckResult(Level.WARNING, SUBJECT, text, REMEDY)
    else:
        yield CheckResult(Level.OK, SUBJECT, f"{shown}, kept right")
