"""Where requests are handed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from edge.service.commands import CommandError, CommandRequest, ErrorCode

MOST_WAITING = 16
"""Requests; a caller who is faster than they are answered is told so."""


@dataclass(frozen=True, slots=True)
class CommandQueue:
    """Takes requests from any thread for the main one, and tells what may be asked for.

    Attributes:
        models: each that may be chosen, by name.
        detectors: the kinds that may be chosen.
        pictures: whether pictures may leave.
        labels: the classes of all models together.
        requests: what waits to be answered.
    """

    models: Mapping[str, Path]
    detectors: tuple[str, ...]
    pictures: bool
    labels: tuple[str, ...] = ()
    # A signal handler may put into this kind of queue while its own thread waits in it.
    requests: SimpleQueue[CommandRequest | None] = field(default_factory=SimpleQueue)

    def hand_in(self, request: CommandRequest) -> None:
        """Leave a request to be answered, or answer at once that there are too many."""
        if self.requests.qsize() >= MOST_WAITING:
            request.answer(CommandError(ErrorCode.BUSY, "too many requests wait; ask again later"))
        else:
            self.requests.put(request)

    def wake(self) -> None:
        """Let the main thread look up from its waiting."""
        self.requests.put(None)

    def next(self, timeout: float) -> CommandRequest | None:
        """Return the oldest request, None when there was none within `timeout` seconds."""
        try:
            return self.requests.get(timeout=max(0.0, timeout))
        except Empty:
            return None
