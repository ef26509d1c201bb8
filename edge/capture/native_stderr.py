"""Standard error of C libraries: libjpeg writes its complaints there, and cannot be told not to."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

UNBUFFERED = 2
"""_IONBF of glibc's stdio.h."""


@cache
def native_stderr() -> "NativeStderr":
    """Return the one of this process."""
    return NativeStderr()


class NativeStderr:
    """Catches what C libraries print to `stderr` while a block runs.

    The variable of glibc changes and not the file descriptor, so that Python's output and the last
    words of a process that aborts go where they always did. Of another C library nothing is caught:
    there the variable may be constant.
    """

    def __init__(self) -> None:
        self._reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        libc = ctypes.CDLL(None)
        libc.fdopen.restype = ctypes.c_void_p
        self._file = libc.fdopen(writer, b"w")
        libc.setvbuf(ctypes.c_void_p(self._file), None, UNBUFFERED, 0)
        is_glibc = hasattr(libc, "gnu_get_libc_version")
        self._stderr = ctypes.c_void_p.in_dll(libc, "stderr") if is_glibc else ctypes.c_void_p()

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch what is printed while the block runs; what no longer fits into a pipe is lost."""
        original, self._stderr.value = self._stderr.value, self._file
        try:
            yield
        finally:
            self._stderr.value = original

    def take(self) -> list[str]:
        """Return the lines that were caught since the last call."""
        with suppress(BlockingIOError):
            return os.read(self._reader, 1 << 16).decode(errors="replace").splitlines()
        return []
