"""Text for the terminal: what commands print, and the log, which may go to systemd's journal."""

import json
import logging
import os
import sys
from contextlib import suppress

from edge.errors import EmotiondError

PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
"""Priorities of syslog(3), which sd-daemon(3) puts before a line; below them is debugging, 7."""


def configure_logging() -> None:
    """Send the log to stderr: with time and level, or as the journal wants it, if it listens."""
    handler = logging.StreamHandler()
    if under_journald():
        handler.setFormatter(JournalFormatter())
    else:
        handler.setFormatter(TerminalFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class OutputError(EmotiondError):
    """Standard output cannot be written, such as to a disk that is full."""


class OutputClosed(Exception):
    """Whoever read standard output has enough."""


def print_line(text: str) -> None:
    """Print one line on standard output; what could move a terminal's cursor becomes `?`.

    Raises:
        OutputError, OutputClosed: it cannot be written.
    """
    _write(f"{printable(text)}\n")


def print_json(content: bytes) -> None:
    """Print a JSON document as one line; control characters in its strings are escaped.

    Raises:
        OutputError, OutputClosed: it cannot be written.
    """
    text = content.decode(errors="replace")
    line = "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
    _write(f"{line}\n")


def print_error(text: str) -> None:
    """Print on standard error the error that ends a command, without control characters."""
    line = _printable_lines(f"emotiond: {text}")
    print(_with_priority(line, logging.ERROR) if under_journald() else line, file=sys.stderr)


def print_note(text: str) -> None:
    """Print on standard error one line about what a command does, without control characters."""
    print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return one line of text with `?` for control characters and what else no terminal shows."""
    return "".join(one if one.isprintable() else "?" for one in text)


def flush_output() -> None:
    """Write what is still buffered of standard output.

    Raises:
        OutputError, OutputClosed: it cannot be written; what is left is discarded.
    """
    _write("")


def _write(text: str) -> None:
    try:
        print(text, end="", flush=True)
    except OSError as error:
        # Python would try again at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise OutputClosed from error
        raise OutputError(f"standard output cannot be written: {error.strerror}") from error


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


class TerminalFormatter(logging.Formatter):
    """Formats for a terminal: lines without control characters, whatever is quoted in them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        return _printable_lines(super().format(record))


class JournalFormatter(logging.Formatter):
    """Formats for the journal: the priority before each line, and no time, which it adds itself.

    A traceback is many lines, each of which the journal takes for an entry of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, each with its priority."""
        return _with_priority(super().format(record), record.levelno)


def under_journald() -> bool:
    """Tell whether stderr goes to the journal.

    JOURNAL_STREAM names its device and inode (systemd.exec(5)); the variable alone does not tell,
    for a child whose output goes elsewhere inherits it.
    """
    with suppress(OSError, ValueError):  # there may be no stderr at all
        stream = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"
    return False


def _with_priority(text: str, level: int) -> str:
    priority = PRIORITIES.get(level, 7)
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines())
