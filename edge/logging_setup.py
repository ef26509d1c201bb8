"""Logging to stderr: for a person, or for systemd's journal."""

import logging
import os
import sys
from contextlib import suppress

PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
"""Priorities of syslog(3), which sd-daemon(3) puts before a line; below them is debugging, 7."""


def configure_logging() -> None:
    """Send the log to stderr: with time and level, or as the journal wants it, if it listens."""
    handler = logging.StreamHandler()
    if under_journald():
        handler.setFormatter(JournalFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def print_error(text: str) -> None:
    """Print the error that ends a command."""
    line = f"emotiond: {text}"
    print(_with_priority(line, logging.ERROR) if under_journald() else line, file=sys.stderr)


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
