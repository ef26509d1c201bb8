"""Warnings of the log as messages."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from edge.publish.payload import utc

LONGEST = 1000
"""Characters of a message; a traceback stays in the journal."""


class MqttLogHandler(logging.Handler):
    """Hands each warning and error that emotiond logs to `tell`, as a payload of the log topic.

    Args:
        tell: takes a payload; called in whichever thread logs, and must not log itself.
    """

    def __init__(self, tell: Callable[[bytes], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def open(self) -> None:
        """Begin to listen to emotiond's own loggers."""
        logging.getLogger("edge").addHandler(self)

    def close(self) -> None:
        """Listen no more."""
        logging.getLogger("edge").removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Take in what was logged."""
        line = {
            "time": utc(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "message": record.getMessage()[:LONGEST],
        }
        self._tell(msgspec.json.encode(line))
