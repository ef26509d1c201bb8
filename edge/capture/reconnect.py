"""Reconnecting source: opens a live source again when it was lost, with backoff."""

import logging
import random
import time
from collections.abc import Callable

from edge.capture.source import LiveSource
from edge.errors import SourceError
from edge.types import Frame

FIRST_DELAY = 0.5
MAX_DELAY = 15.0
"""Seconds between attempts; a camera that returns is found within the longest."""

MAX_WAIT = 0.5
"""Longest single wait, in seconds, so that a stop is answered soon."""

log = logging.getLogger(__name__)


class ReconnectingSource:
    """Live source that is opened again, with growing delays, for as long as it takes.

    Args:
        name: of the source in the log.
        opener: opens the source; raises SourceError when it cannot.
        clock: the monotonic clock, in seconds.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], LiveSource],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = name
        self._opener = opener
        self._clock = clock
        self._sleep = sleep
        self._source: LiveSource | None = None
        self._online: bool | None = None
        self._failures = 0
        self._retry_at = clock()

    @property
    def online(self) -> bool | None:
        """Whether the last attempt to read gave a frame; None before the first."""
        return self._online

    def read(self) -> Frame | None:
        """Return the next frame, or None while the source is away. Never fails."""
        wait = self._retry_at - self._clock()
        if wait > 0:
            self._sleep(min(wait, MAX_WAIT))
            return None
        try:
            frame = self._ensure_open().read()
        except SourceError as error:
            self._mark_offline(error)
            return None
        if frame is not None:
            self._mark_online()
        return frame

    def skip(self) -> None:
        """Drop the next frame, where there is a source that gives one. Never fails."""
        try:
            if self._source is not None:
                self._source.skip()
        except SourceError as error:
            self._mark_offline(error)

    def close(self) -> None:
        """Close the source, if there is one; the next read opens it again."""
        self._online = None
        self._release()

    def _release(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _ensure_open(self) -> LiveSource:
        if self._source is None:
            self._source = self._opener()
        return self._source

    def _mark_online(self) -> None:
        if not self.online:
            log.info("%s: frames are coming", self._name)
        self._online = True
        self._failures = 0

    def _mark_offline(self, error: SourceError) -> None:
        if self._online is not False:
            log.warning("%s: %s; trying again until it is back", self._name, error)
        self._online = False
        self._release()
        delay = min(FIRST_DELAY * 2**self._failures, MAX_DELAY)
        # Jitter keeps a fleet that lost one server from returning all at once.
        self._retry_at = self._clock() + delay * random.uniform(0.5, 1.0)
        self._failures = min(self._failures + 1, 10)
