"""Standard error of C libraries: libjpeg and LiteRT write to it, and cannot be told not to."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

UNBUFFERED = 2  # _IONBF of glibc's stdio.h


@contextmanager
def caught_stderr() -> Iterator[list[str]]:
    """Catch what C libraries print to `stderr`: lines, in the yielded list once the block ends.

    The variable of glibc changes and not the file descriptor, so that Python's output and the last
    words of a process that aborts go where they always did. Of another C library nothing is caught:
    there the variable may be constant. What no longer fits into a pipe is lost.
    """
    lines: list[str] = []
    reader, variable, original, file = _redirection()
    variable.value = file
    try:
        yield lines
    finally:
        variable.value = original
        with suppress(BlockingIOError):
            lines += os.read(reader, 1 << 16).decode(errors="replace").splitlines()


@cache
def _redirection() -> tuple[int, ctypes.c_void_p, int | None, int]:
    """Return the end of a pipe to read, the variable, its value, and the other end's FILE*."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    libc = ctypes.CDLL(None)
    libc.fdopen.restype = ctypes.c_void_p
    file: int = libc.fdopen(writer, b"w")
    libc.setvbuf(ctypes.c_void_p(file), None, UNBUFFERED, 0)
    is_glibc = hasattr(libc, "gnu_get_libc_version")
    variable = ctypes.c_void_p.in_dll(libc, "stderr") if is_glibc else ctypes.c_void_p()
    return reader, variable, variable.value, file
