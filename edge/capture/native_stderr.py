"""Standard error of C libraries: libjpeg writes its complaints there, and cannot be told not to."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

UNBUFFERED = 2
"""_IONBF of glibc's stdio.h."""


class NativeStderr:
    """Catches what C libraries print to `stderr` while a block runs.

    The variable of glibc is changed and not the file descriptor, so that Python's own output and
    the messages of a process that aborts go where they always did. Of another C library nothing is
    caught: there the variable may be constant.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._variable: ctypes.c_void_p | None = None
        libc = ctypes.CDLL(None)
        if hasattr(libc, "gnu_get_libc_version"):
            libc.fdopen.restype = ctypes.c_void_p
            self._file: int | None = libc.fdopen(self._writer, b"w")
            libc.setvbuf(ctypes.c_void_p(self._file), None, UNBUFFERED, 0)
            self._variable = ctypes.c_void_p.in_dll(libc, "stderr")

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch what is printed while the block runs; what no longer fits into a pipe is lost."""
        if self._variable is None:
            yield
            return
        original, self._variable.value = self._variable.value, self._file
        try:
            yield
        finally:
            self._variable.value = original

    def take(self) -> list[str]:
        """Return the lines that were caught since the last call."""
        with suppress(BlockingIOError):
            return os.read(self._reader, 1 << 16).decode(errors="replace").splitlines()
        return []
