"""Pause of the daemon: one that was asked for, which outlives the process, or by the schedule."""

import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from edge.capture.pausable import PausableSource
from edge.paths import atomic_write
from edge.publish.events import utc
from edge.schedule import ScheduleSettings

log = logging.getLogger(__name__)

FILE = "pause.json"  # that of an only camera


class StoredPause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pause as it is stored; it ends by itself at `until`, in UTC, or when told to resume."""

    until: datetime | None = None


class PauseController:
    """Pauses a source and resumes it, when told or when it is time.

    A pause that was asked for lies in a file of the state `folder`, which exists as long as it
    lasts; where that of an earlier run is not over, `source` is paused at once. So it is outside
    the `schedule`, whatever is told. `clock` is monotonic, in seconds; `name` is that of one of
    several cameras. A change of `schedule` counts from the next `tick`.
    """

    def __init__(
        self,
        source: PausableSource,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
        schedule: ScheduleSettings | None = None,
        name: str = "",
    ) -> None:
        self._source, self._clock = source, clock
        self._path = folder / (f"pause-{name}.json" if name else FILE)
        self.schedule, self._is_active = schedule or ScheduleSettings(), True
        self._resume_at = math.inf
        self._asked = self._load()
        if self._asked is not None:
            self._begin(self._asked.until)
        self.tick()

    def move(self, folder: Path) -> None:
        """Store the pause in another folder from now on."""
        self._remove()
        self._path = folder / self._path.name
        if self._asked is not None:
            self._save(self._asked)

    def pause(self, seconds: float | None) -> datetime | None:
        """Begin a pause, or another in its place; return its end, None where `resume` ends it."""
        until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        self._asked = StoredPause(until)
        self._begin(until)
        self._save(self._asked)
        return until

    def resume(self) -> None:
        """End the pause, if there is one."""
        if self._asked is not None:
            log.info("resumed")
        self._resume_at, self._asked = math.inf, None
        self._remove()
        self._follow_schedule()

    def tick(self) -> None:
        """Resume when it is time, and pause where the schedule says so."""
        if self._clock() >= self._resume_at:
            self.resume()
        is_active = self.schedule.is_active(datetime.now(UTC))
        if is_active is not self._is_active:
            self._is_active = is_active
            log.info("the schedule %s the camera", "uses" if is_active else "releases")
            self._follow_schedule()

    def _follow_schedule(self) -> None:
        """Let the source do what the schedule says, unless a pause was asked for."""
        if self._asked is None and self._is_active:
            self._source.resume()
        elif self._asked is None:
            self._source.pause(self.schedule.next_start(datetime.now(UTC)))

    def _begin(self, until: datetime | None) -> None:
        """Pause the source, and set the end on a clock that nobody sets."""
        log.info("paused until %s", utc(until) if until else "told to resume")
        self._source.pause(until)
        left = (until - datetime.now(UTC)).total_seconds() if until else math.inf
        self._resume_at = self._clock() + left

    def _load(self) -> StoredPause | None:
        """Return the pause of an earlier run that is not over."""
        try:
            paused = msgspec.json.decode(self._path.read_bytes(), type=StoredPause)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            # Who asked not to be seen must not be seen because of a disk.
            log.warning("%s: cannot be read: %s; paused until told to resume", self._path, error)
            return StoredPause()
        if paused.until is not None and paused.until <= datetime.now(UTC):
            self._remove()
            return None
        return paused

    def _save(self, asked: StoredPause) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._path, msgspec.json.encode(asked))
        except OSError as error:
            log.warning("%s: %s; the pause will not outlive a restart", self._path, error.strerror)

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: %s; the next start will be paused", self._path, error.strerror)
