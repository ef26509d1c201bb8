"""Pause of the daemon, with an end in time where one was asked for; it outlives the process."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from edge.capture.source import PausableSource
from edge.paths import atomic_write
from edge.publish.events import utc

log = logging.getLogger(__name__)

FILE = "pause.json"


class PauseState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pause as it is stored; it ends by itself at `until`, in UTC, or when told to resume."""

    until: datetime | None = None


class PauseController:
    """Pauses a source and resumes it, when told or when it is time.

    The pause lies in a file of the state folder, which exists as long as it lasts.

    Args:
        source: what is paused; at once, where the pause of an earlier run is not over.
        folder: of the state.
        clock: the monotonic clock, in seconds.

    Attributes:
        state: the pause; None where there is none.
    """

    def __init__(
        self, source: PausableSource, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source, self._path, self._clock = source, folder / FILE, clock
        self._resume_at: float | None = None
        self.state = self._load()
        if self.state is not None:
            self._begin(self.state)

    def move(self, folder: Path) -> None:
        """Store the pause in another folder from now on."""
        self._remove()
        self._path = folder / FILE
        if self.state is not None:
            self._save(self.state)

    def pause(self, seconds: float | None) -> PauseState:
        """Begin a pause, or another in its place; None lasts until `resume`."""
        until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        self.state = PauseState(until)
        self._begin(self.state)
        self._save(self.state)
        return self.state

    def resume(self) -> None:
        """End the pause, if there is one."""
        if self.state is not None:
            log.info("resumed")
        self.state = self._resume_at = None
        self._source.resume()
        self._remove()

    def tick(self) -> None:
        """Resume when it is time."""
        if self._resume_at is not None and self._clock() >= self._resume_at:
            self.resume()

    def _begin(self, state: PauseState) -> None:
        """Pause the source, and set the end on a clock that nobody sets."""
        until = state.until
        log.info("paused until %s", utc(until) if until else "told to resume")
        self._source.pause(until)
        self._resume_at = None
        if until is not None:
            self._resume_at = self._clock() + (until - datetime.now(UTC)).total_seconds()

    def _load(self) -> PauseState | None:
        """Return the pause of an earlier run that is not over.

        A file that cannot be read counts as a pause without end: who asked not to be seen must
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
            self._remove()
            return None
        return paused

    def _save(self, paused: PauseState) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._path, msgspec.json.encode(paused))
        except OSError as error:
            log.warning("%s: %s; the pause will not outlive a restart", self._path, error.strerror)

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: %s; the next start will be paused", self._path, error.strerror)
