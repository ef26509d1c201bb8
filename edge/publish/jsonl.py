"""JSONL sink: appends each event to a file, one JSON object a line."""

import errno
import logging
import os
from pathlib import Path

from edge.paths import private_opener
from edge.publish.events import encode_event
from edge.publish.sink import BaseSinkSettings, SinkContext
from edge.types import EmotionEvent, SinkRecord

log = logging.getLogger(__name__)


class JsonlSettings(BaseSinkSettings, frozen=True, tag="jsonl"):
    """A file that each event is appended to, one JSON object a line; only its owner may read it."""

    path: Path

    @property
    def targets(self) -> tuple[str, ...]:
        """The file."""
        return (str(self.path),)

    def open(self, context: SinkContext) -> "JsonlSink":
        """Return the sink; the file is not touched yet."""
        return JsonlSink(self)


class JsonlSink:
    """Appends events; while the disk refuses, they are dropped and counted."""

    def __init__(self, settings: JsonlSettings) -> None:
        self.dropped = 0
        self._path = settings.path
        self._failing = False

    @property
    def status_text(self) -> str | None:
        """The file that cannot be written; None if it can."""
        return f"{self._path.name} cannot be written" if self._failing else None

    def start(self) -> None:
        """Nothing is opened ahead."""

    def publish(self, record: SinkRecord) -> None:
        """Append an event; other records are ignored."""
        if not isinstance(record, EmotionEvent):
            return
        try:
            self._append(encode_event(record) + b"\n")
        except OSError as error:
            self.dropped += 1
            if not self._failing:
                log.warning("%s: %s; events are not written", self._path, error.strerror)
            self._failing = True
        else:
            if self._failing:
                log.info("%s: events are written again", self._path)
            self._failing = False

    def close(self, timeout: float) -> None:
        """Nothing stays open between events."""

    def _append(self, line: bytes) -> None:
        """Write `line` whole or not at all: a full disk must not leave half a line."""
        # Opened for each event: they are few, and the file may be rotated at any time.
        with open(self._path, "ab", buffering=0, opener=private_opener) as file:
            written = file.write(line)
            if written < len(line):
                if file.seekable():
                    file.truncate(file.tell() - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
