"""Text for the terminal: what commands and libraries print, and the log, maybe to the journal.

Where standard output cannot be written, what prints on it raises an EmotiondError, or OutputClosed.
"""

import ctypes
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

from edge.errors import EmotiondError

PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
"""Priorities of syslog(3), which sd-daemon(3) puts before a line; below them is debugging, 7."""

UNBUFFERED = 2  # _IONBF of glibc's stdio.h
QUIET_S, MAX_COMPLAINTS = 3600.0, 100  # seconds until a complaint is new; how many are counted


def configure_logging() -> None:
    """Send the log to stderr: with time and level, or as the journal wants it, if it listens."""
    handler = logging.StreamHandler()
    handler.addFilter(RepeatFilter())
    handler.setFormatter(LogFormatter(under_journald()))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class RepeatFilter(logging.Filter):
    """Passes a warning or an error when it was made once, twice, 4, 8, 16 ... times.

    Anything less tells that something has changed for its logger: a complaint after it is new.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock, self._lock = clock, threading.Lock()
        # Number and time of the last, by logger and text.
        self._made: dict[tuple[str, str], tuple[int, float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is passed on; `record.repetition` says how often it was made."""
        error = record.exc_info[1] if record.exc_info else None
        key, now = (record.name, f"{record.getMessage()}{error!r}"), self._clock()
        with self._lock:
            if record.levelno < logging.WARNING:
                self._made = {one: made for one, made in self._made.items() if one[0] != key[0]}
                return True
            times, last = self._made.pop(key, (0, now))
            times = times + 1 if now - last < QUIET_S else 1
            self._made[key] = times, now
            if len(self._made) > MAX_COMPLAINTS:
                self._made.pop(next(iter(self._made)))
        record.repetition = f" ({times} times)" if times > 1 else ""
        return times.bit_count() == 1  # a power of two


class OutputClosed(Exception):
    """Whoever read standard output has enough."""


def print_line(text: str, color: int | None = None) -> None:
    """Print one line on standard output; what could move a terminal's cursor becomes `?`.

    `color` is shown on a terminal alone, and not where NO_COLOR is set (https://no-color.org).
    """
    line = printable(text)
    if color is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        line = f"\x1b[{color}m{line}\x1b[0m"
    _write(f"{line}\n")


def print_json(content: bytes) -> None:
    """Print a JSON document as one line; control characters in its strings are escaped."""
    text = content.decode(errors="replace")
    _write("".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text) + "\n")


def print_error(text: str) -> None:
    """Print on standard error the error that ends a command, without control characters."""
    print(_lines(f"emotiond: {text}", logging.ERROR, under_journald()), file=sys.stderr)


def print_note(text: str) -> None:
    """Print on standard error one line about what a command does, without control characters."""
    print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return one line of text with `?` for what no terminal shows."""
    return "".join(one if one.isprintable() else "?" for one in text)


def plural(number: int, noun: str, several: str = "") -> str:
    """Return a number and its noun, in the plural but for 1; `several` is one of its own form."""
    return f"{number} {noun if number == 1 else several or noun + 's'}"


def flush_output() -> None:
    """Write what is still buffered of standard output."""
    _write("")


def write_bytes(content: bytes) -> None:
    """Write bytes on standard output, on a terminal only what is text."""
    text = content.decode(errors="replace").replace("\n", "")
    if sys.stdout.isatty() and not text.isprintable():
        raise EmotiondError("expected a file or another program as output, found a terminal")
    _write("", content)


def _write(text: str, content: bytes = b"") -> None:
    try:
        print(text, end="", flush=True)
        if content:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
    except OSError as error:
        # Python would try again at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise OutputClosed from error
        raise EmotiondError(f"standard output cannot be written: {error.strerror}") from error


def _lines(text: str, level: int, journal: bool) -> str:
    """Return lines without control characters; the journal takes each for an entry."""
    priority = f"<{PRIORITIES.get(level, 7)}>" if journal else ""
    return "\n".join(priority + printable(line) for line in text.split("\n"))


class LogFormatter(logging.Formatter):
    """Formats lines without control characters; the journal adds the time itself."""

    def __init__(self, journal: bool) -> None:
        text = "%(message)s%(repetition)s"
        text = text if journal else f"%(asctime)s %(levelname)s {text}"
        super().__init__(text, defaults={"repetition": ""})
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        return _lines(super().format(record), record.levelno, self._journal)


def under_journald() -> bool:
    """Tell whether stderr goes to the journal: JOURNAL_STREAM names its inode (systemd.exec(5))."""
    with suppress(OSError, ValueError):  # there may be no stderr at all
        stream = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"
    return False


@contextmanager
def caught_stderr() -> Iterator[list[str]]:
    """Catch what C libraries print to `stderr`: lines, in the yielded list once the block ends.

    libjpeg and LiteRT do so, and cannot be told not to.

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
