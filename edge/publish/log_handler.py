"""Log handler: warnings and errors as plain values, for those who are not at this machine."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from edge.publish.events import utc
from edge.terminal import RepeatFilter, repetition

MAX_CHARACTERS = 1000
"""Of a message; a traceback stays in the journal."""


class LogHandler(logging.Handler):
    """Gives `publish` the time, level and message of each warning and error that emotiond logs.

    `publish` is called in whichever thread logs, and must not log itself.
    """

    def __init__(self, publish: Callable[[dict[str, str]], None]) -> None:
        super().__init__(logging.WARNING)
        self.addFilter(RepeatFilter())
        self._publish = publish

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on what was logged."""
        self._publish(
            {
                "time": utc(datetime.fromtimestamp(record.created, UTC)),
                "level": record.levelname.lower(),
                "message": record.getMessage()[:MAX_CHARACTERS] + repetition(record),
            }
        )
