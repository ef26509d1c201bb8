"""Events that were written down, to be read again."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec

from edge.errors import InputError
from edge.publish.payload import decode_event
from edge.types import EmotionEvent


class EventLog:
    """The events of a file of the jsonl sink.

    Every line is checked at once and read again when it is wanted: a file that grew for months need
    not fit into memory. What is appended afterwards is no part of it.

    Args:
        path: of the file.

    Attributes:
        first: the first event.
        count: how many there are.
        seconds: from the first to the last; where the clock went back, no time passed.
        labels: every class that was told of.

    Raises:
        InputError: it cannot be read, a line is no event, or there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.seconds = 0.0
        labels: dict[str, None] = {}
        first: EmotionEvent | None = None
        before: datetime | None = None
        for event in _read(path):
            first = first or event
            self.count += 1
            self.seconds += gap(before, event.time)
            before = event.time
            labels.update(dict.fromkeys(event.probabilities or ()))
        if first is None:
            raise InputError(f"{path}: expected an event on each line, found no line")
        self.first = first
        self.labels = tuple(labels)

    def __iter__(self) -> Iterator[EmotionEvent]:
        return islice(_read(self.path), self.count)


def gap(before: datetime | None, time: datetime) -> float:
    """Return the seconds from one event to the next, 0 where there is none or the clock went back.

    The clock may have been set, or the daemon been started on another day with a wrong one.
    """
    return 0.0 if before is None else max(0.0, (time - before).total_seconds())


def _read(path: Path) -> Iterator[EmotionEvent]:
    try:
        with open(path, "rb") as file:
            if not file.seekable():
                raise InputError(f"{path}: expected a file, which is read twice, not a pipe")
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _decode(line, f"{path}, line {number}")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _decode(line: bytes, place: str) -> EmotionEvent:
    try:
        return decode_event(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{place}: expected an event as docs/event.schema.json has it: {reason}"
        ) from error
