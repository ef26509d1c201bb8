"""Log handler: warnings and errors as plain values, for those who are not at this machine."""

import logging
from collections.abc import Callable

from edge.publish.events import utc
from edge.terminal import RepeatFilter

MAX_CHARACTERS = 1000  # of a message; a traceback stays in the journal


class LogHandler(logging.Handler):
    """Gives `publish`, in whichever thread logs, each warning and error that emotiond logs."""

    def __init__(self, publish: Callable[[dict[str, str]], None]) -> None:
        super().__init__(logging.WARNING)
        self.addFilter(RepeatFilter())
        self._publish = publish

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on time, level and message."""
        text = record.getMessage()[:MAX_CHARACTERS] + getattr(record, "repetition", "")
        level = record.levelname.lower()
        self._publish({"time": utc(record.created), "level": level, "message": text})
