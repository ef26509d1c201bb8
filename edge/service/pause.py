"""A pause that outlives the process."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from edge.capture.pausable import PausableSource
from edge.fileio import atomic_write
from edge.publish.payload import utc

log = logging.getLogger(__name__)

FILE = "pause.json"


class PauseState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That the daemon looks at nothing.

    Attributes:
        until: when it looks again by itself, in UTC; None: when told.
    """

    until: datetime | None = None


class PauseStore:
    """Remembers a pause in a file: it is there as long as the pause lasts.

    Args:
        folder: of what outlives a restart.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def recall(self) -> PauseState | None:
        """Return the pause that an earlier run was in, None where it was in none, or it is over.

        A file that cannot be read counts as a pause without end: whoever asked not to be seen must
        not be seen because of a disk.
        """
        try:
            paused = msgspec.json.decode(self._path.read_bytes(), type=PauseState)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("%s: cannot be read: %s; paused until told to resume", self._path, error)
            return PauseState()
        if paused.until is not None and paused.until <= datetime.now(UTC):
            self.forget()
            return None
        return paused

    def remember(self, paused: PauseState) -> None:
        """Note a pause; where the disk refuses, it ends with the process, and the log says so."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._path, msgspec.json.encode(paused))
        except OSError as error:
            log.warning("%s: %s; the pause will not outlive a restart", self._path, error.strerror)

    def forget(self) -> None:
        """Note that the pause is over."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: %s; the next start will be paused", self._path, error.strerror)


class PauseController:
    """Pauses a lookout and resumes it, when told or when it is time.

    Args:
        lookout: what is paused; at once, where an earlier run was in a pause that is not over.
        memory: of a pause that began in an earlier run.
        clock: the monotonic clock, in seconds.
    """

    def __init__(
        self, lookout: PausableSource, memory: PauseStore, clock: Callable[[], float]
    ) -> None:
        self._lookout = lookout
        self._memory = memory
        self._clock = clock
        self._resume_at: float | None = None
        self._paused = memory.recall()
        if self._paused is not None:
            self._begin(self._paused)

    def move(self, memory: PauseStore) -> None:
        """Remember from now on elsewhere."""
        self._memory.forget()
        self._memory = memory
        if self._paused is not None:
            memory.remember(self._paused)

    def pause(self, seconds: float | None) -> PauseState:
        """Begin a pause, or another in its place; None lasts until `resume`."""
        until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        self._paused = PauseState(until)
        self._begin(self._paused)
        self._memory.remember(self._paused)
        return self._paused

    def resume(self) -> None:
        """End the pause, if there is one."""
        if self._paused is not None:
            log.info("resumed")
        self._paused = self._resume_at = None
        self._lookout.resume()
        self._memory.forget()

    def tick(self) -> None:
        """Resume when it is time."""
        if self._resume_at is not None and self._clock() >= self._resume_at:
            self.resume()

    def _begin(self, paused: PauseState) -> None:
        """Look away, and set the end of that on a clock that nobody sets."""
        until = paused.until
        log.info("paused until %s", utc(until) if until else "told to resume")
        self._lookout.pause(until)
        self._resume_at = None
        if until is not None:
            self._resume_at = self._clock() + (until - datetime.now(UTC)).total_seconds()
