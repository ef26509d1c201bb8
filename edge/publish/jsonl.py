"""JSONL sink: appends each event to a file, one JSON object a line."""

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from edge.paths import part_of, private_opener
from edge.publish.events import encode_event
from edge.publish.sink import BaseSinkSettings, Sink, SinkContext
from edge.types import DataFlow, EmotionEvent, SinkRecord

log = logging.getLogger(__name__)


class JsonlSettings(BaseSinkSettings, frozen=True, tag="jsonl"):
    """A file that each event is appended to, one JSON object a line; only its owner may read it."""

    path: Path

    @property
    def event_files(self) -> tuple[Path, ...]:
        """The file; a stream of the process, such as /dev/stdout, is none."""
        return () if self.path.is_relative_to("/dev") else (self.path,)

    @property
    def targets(self) -> tuple[str, ...]:
        """The path."""
        return (str(self.path),)

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield what a stream is given; the audit lists `event_files`."""
        if not self.event_files:
            what = "each face, its expression and place"
            yield DataFlow("events", what, "what reads it", str(self.path), False)

    def open(self, context: SinkContext) -> "JsonlSink":
        """Return the sink; the file is not touched yet."""
        return JsonlSink(self)


class JsonlSink(Sink):
    """Appends events; while the disk refuses, they are dropped and counted."""

    dropped = 0

    def __init__(self, settings: JsonlSettings) -> None:
        self._path, self._failing = settings.path, False

    @property
    def status_text(self) -> str | None:
        """The file that cannot be written; None if it can."""
        return f"{self._path.name} cannot be written" if self._failing else None

    def publish(self, record: SinkRecord) -> None:
        """Append an event; other records are ignored."""
        if not isinstance(record, EmotionEvent):
            return
        try:
            while not _append(self._path, encode_event(record) + b"\n"):
                pass
        except OSError as error:
            self.dropped += 1
            if not self._failing:
                log.warning("%s: %s; events are not written", self._path, error.strerror)
            self._failing = True
        else:
            if self._failing:
                log.info("%s: events are written again", self._path)
            self._failing = False


def _append(path: Path, line: bytes) -> bool:
    """Write a line whole or not at all; return False where the file was replaced meanwhile."""
    # Opened for each event: they are few, and the file may be rotated at any time.
    with open(path, "ab", buffering=0, opener=private_opener) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # against `prune_events`
        mine = os.fstat(file.fileno())
        if not mine.st_nlink and not (path.exists() and os.path.samestat(mine, path.stat())):
            return False
        written = file.write(line)
        if written < len(line):
            if file.seekable():
                file.truncate(file.tell() - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return True


class _Time(msgspec.Struct):
    time: datetime


def prune_events(path: Path, oldest: datetime, before: datetime) -> None:
    """Delete the events before a time from a JSONL file, if its first is older than `oldest`.

    A sink may append meanwhile. What is no event goes with one before. OSError: the disk refuses.
    """
    part = part_of(path)
    with open(path, "rb") as file:
        first = file.readline()
        if not first or not _is_before(first, oldest, True):
            return
        file.seek(0)
        with open(part, "wb", opener=private_opener) as kept:
            os.fchmod(kept.fileno(), os.fstat(file.fileno()).st_mode & 0o777)
            last = _copy_since(file, kept, before, True)
            fcntl.flock(file, fcntl.LOCK_EX)
            _copy_since(file, kept, before, last)  # what a sink has appended since
            kept.flush()
            os.fsync(kept.fileno())
            part.replace(path)


def _copy_since(file: BinaryIO, kept: BinaryIO, before: datetime, last: bool) -> bool:
    for line in file:
        last = _is_before(line, before, last)
        if not last:
            kept.write(line)
    return last


def _is_before(line: bytes, time: datetime, last: bool) -> bool:
    """Tell whether an event is before a time; `last` where it is no event."""
    try:
        return msgspec.json.decode(line, type=_Time).time < time
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError):
        return last
