"""What the process writes to stderr: for a person, or for systemd's journal."""

import logging
import os
import sys
from contextlib import suppress

PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
"""Of syslog(3), as sd-daemon(3) has the journal told; what is lesser is debugging, 7."""


def configure_logging() -> None:
    """Send the log to stderr: with time and level, or as the journal wants it, if it listens."""
    handler = logging.StreamHandler()
    if under_journald():
        handler.setFormatter(JournalFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def print_error(text: str) -> None:
    """Write why a command ends, addressed to whoever gave it."""
    line = f"emotiond: {text}"
    print(_prioritised(line, logging.ERROR) if under_journald() else line, file=sys.stderr)


class JournalFormatter(logging.Formatter):
    """A line as the journal wants it: its priority before it, and no time, which is stamped there.

    A traceback is many lines, each of which the journal takes for an entry of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, each with its priority."""
        return _prioritised(super().format(record), record.levelno)


def under_journald() -> bool:
    """Tell whether stderr goes to the journal.

    JOURNAL_STREAM names its device and inode (systemd.exec(5)); the variable alone does not tell,
    for a child whose output goes elsewhere inherits it.
    """
    with suppress(OSError, ValueError):  # there may be no stderr at all
        stream = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"
    return False


def _prioritised(text: str, level: int) -> str:
    priority = PRIORITIES.get(level, 7)
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines())
