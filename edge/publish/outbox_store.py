"""SQLite file of pending events: outlives a power cut, and only its owner may read it."""

import errno
import math
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge.errors import EmotiondError
from edge.paths import lock_private, open_private

SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY AUTOINCREMENT, recorded REAL NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS track (
    run TEXT, id INTEGER, payload BLOB NOT NULL, PRIMARY KEY (run, id)
);
CREATE TABLE IF NOT EXISTS clock (
    row INTEGER PRIMARY KEY, boot TEXT NOT NULL, epoch REAL NOT NULL, began REAL NOT NULL
);
"""

MAX_CLOCK_DRIFT = 1.0  # seconds; a wall clock that moves further since boot was set anew
STORE_ERRORS = OSError, sqlite3.Error, msgspec.ValidationError  # of any method of the store
TrackKey = tuple[str, int]  # run of the daemon, and number of the track in it


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event that waits for its acknowledgment; later ones have greater numbers."""

    number: int
    recorded_at: float = field(compare=False)  # seconds since this boot; negative: before that
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The clocks of a machine: a name of its boot, seconds since then, seconds since 1970.

    A machine without a battery for its clock starts in the past, and jumps by months when a time
    server answers. So only `running` measures, and `wall` only tells how long the machine was off.
    """

    boot: Callable[[], str] = lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    running: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    wall: Callable[[], float] = time.time


class SqliteStore:
    """SQLite file of pending events, and of the latest event of each track that has not ended.

    Its methods raise one of `STORE_ERRORS`. Times in it are seconds of the file's own, which run on
    across boots: while a machine is up they are those since its boot plus an offset, and from boot
    to boot they advance by what the wall clock says went by, but never back.
    """

    def __init__(self, path: Path, clock: SystemClock) -> None:
        self._path, self._clock = path, clock
        self._lock_file: int | None = None
        self._db: sqlite3.Connection | None = None
        self._offset, self._booted_at = 0.0, math.nan

    def open(self) -> tuple[list[PendingEvent], dict[TrackKey, bytes], int]:
        """Lock and open the file; return its events, its tracks, the highest number ever given."""
        self._adopt_former()
        if self._lock_file is None:
            self._lock_file = _lock(self._path)
        os.close(open_private(self._path))  # before SQLite does: closing it would end its locks
        # The time-out in seconds: somebody who looks into the file by hand may lock it.
        self._db = sqlite3.connect(self._path, 2.0, isolation_level=None, check_same_thread=False)
        (mode,) = self._db.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise OSError(errno.ENOTSUP, "this file system cannot keep a write-ahead log")
        # With NORMAL, what was committed last may be lost in a power cut.
        # https://sqlite.org/pragma.html#pragma_synchronous
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)
        self._offset, self._booted_at = _clock_offset(self._db, self._clock), math.nan
        events = list(_read_events(self._db, self._offset, "ASC"))
        row = self._db.execute("SELECT max(seq) FROM sqlite_sequence").fetchone()
        return events, _read_tracks(self._db), msgspec.convert(row, tuple[int | None])[0] or 0

    def write(
        self,
        added: Sequence[PendingEvent],
        removed: Sequence[int],
        tracks: Mapping[TrackKey, bytes | None],
        last_number: int | None = None,
    ) -> None:
        """Remove and add events, in one transaction that a power cut cannot undo.

        The latest event of each of `tracks` is stored as well; None is one that has ended. With
        nothing, only the time is stored, if the wall clock was set: by how much it was wrong
        when an event was recorded must not count in the next boot. With `last_number`, no number up
        to it is given again, and the write-ahead log moves into the file.
        """
        booted_at = self._clock.wall() - self._clock.running()
        clock_was_set = not abs(booted_at - self._booted_at) <= MAX_CLOCK_DRIFT  # also if NaN
        if self._db is None or not (added or removed or tracks or clock_was_set):
            return
        if not self._path.exists():  # SQLite would go on, in a file that no process finds again
            raise FileNotFoundError(errno.ENOENT, "the file was removed")
        rows = [(event.number, event.recorded_at + self._offset, event.payload) for event in added]
        with self._db:  # which rolls back what fails
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM event WHERE number = ?", [(one,) for one in removed])
            self._db.executemany("INSERT INTO event VALUES (?, ?, ?)", rows)
            self._db.executemany("DELETE FROM track WHERE run = ? AND id = ?", tracks)
            open_tracks = [(*key, payload) for key, payload in tracks.items() if payload]
            self._db.executemany("INSERT INTO track VALUES (?, ?, ?)", open_tracks)
            if clock_was_set:
                row = (self._clock.boot(), self._offset, booted_at)
                self._db.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?)", row)
            if last_number is not None:
                self._db.execute("DELETE FROM sqlite_sequence")
                self._db.execute("INSERT INTO sqlite_sequence VALUES ('event', ?)", (last_number,))
        self._booted_at = booted_at if clock_was_set else self._booted_at
        if last_number is not None:
            # After a sync that failed, the log may be in the system's memory and not on disk, and
            # no later sync would tell; what moves into the file is written and synced once more.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self, unlock: bool = False) -> None:
        """Close the file, and let another process have it if `unlock` is true."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None
        if unlock and self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def salvage(self) -> tuple[list[PendingEvent], dict[TrackKey, bytes], bool]:
        """Return the events and tracks that can be read without writing; whether all events are."""
        found: dict[int, PendingEvent] = {}
        tracks, complete = dict[TrackKey, bytes](), False
        # Where nothing can be written, SQLite reads a write-ahead log by the index that a process
        # which died has left; where no log is left either, it must be told that none can appear.
        # https://sqlite.org/wal.html#read_only_databases
        wal = Path(f"{self._path}-wal")
        mode = "mode=ro" if wal.exists() and wal.stat().st_size else "immutable=1"
        uri = f"{self._path.absolute().as_uri()}?{mode}"
        for order in ("ASC", "DESC"):  # up to the damage, and then from behind down to it
            with suppress(*STORE_ERRORS), closing(sqlite3.connect(uri, uri=True)) as db:
                db.execute("PRAGMA writable_schema = ON")  # reads what is left of a cut file
                for event in _read_events(db, _clock_offset(db, self._clock), order):
                    found[event.number] = event
                complete = True
                tracks = _read_tracks(db)
                break
        return [found[number] for number in sorted(found)], tracks, complete

    @staticmethod
    def is_damage(error: Exception) -> bool:
        """Return whether `error` blames the file itself, which no waiting mends."""
        # What is wrong with a row has no name. ERROR: the file holds the tables of something else.
        name: str = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
        kinds = "SQLITE_(ERROR|CORRUPT|CONSTRAINT|MISMATCH|NOTADB)"
        return not isinstance(error, OSError) and re.match(kinds, name) is not None

    def quarantine(self) -> Path:
        """Rename the damaged file, over an older one, and return its new name."""
        aside = self._path.with_name(f"{self._path.name}.damaged")
        _rename(self._path, aside)
        return aside

    def _adopt_former(self) -> None:
        """Take over the first file of a version that named them by device and number alone."""
        stem = self._path.name.partition("@")[0]
        names = (f"{stem}{number}.sqlite" for number in ("", "-2", "-3", "-4"))
        former = next((one for one in map(self._path.with_name, names) if one.exists()), None)
        if former is None or self._path.exists():
            return
        lock = _lock(former)
        _rename(former, self._path)
        former.with_name(f"{former.name}.lock").unlink()
        os.close(lock)


def _lock(path: Path) -> int:
    try:
        return lock_private(path.with_name(f"{path.name}.lock"))
    except BlockingIOError as error:
        remedy = "end it, or give this one another `device`"
        text = f"{path}: another emotiond uses this device's outbox; {remedy}"
        raise EmotiondError(text) from error


def _rename(path: Path, target: Path) -> None:
    """Rename a file of SQLite, its logs first: what a crash leaves half done can be done again."""
    for suffix in ("-wal", "-journal", ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{target}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)


def _clock_offset(db: sqlite3.Connection, clock: SystemClock) -> float:
    """Return how far the time in the file is ahead of the time since this boot, in seconds."""
    row = db.execute("SELECT boot, epoch, began FROM clock").fetchone()
    if row is None:
        return 0.0
    boot, offset, booted_at = msgspec.convert(row, tuple[str, float, float])
    if boot == clock.boot():
        return offset
    latest = db.execute("SELECT recorded FROM event ORDER BY number DESC LIMIT 1").fetchone()
    (recorded,) = msgspec.convert(latest or (offset,), tuple[float])
    # Whatever the wall clock says, all that was recorded then is older than this boot.
    return max(offset + clock.wall() - booted_at - clock.running(), recorded)


def _read_events(db: sqlite3.Connection, offset: float, order: str) -> Iterator[PendingEvent]:
    # The order is one of two words of this module.
    query = f"SELECT number, recorded, payload FROM event ORDER BY number {order}"  # nosec B608
    kind = tuple[int, float, bytes]
    for row in db.execute(query):
        # SQLite's columns hold anything, damage as well.
        number, recorded, payload = msgspec.convert(row, kind, builtin_types=(bytes,))
        yield PendingEvent(number, recorded - offset, payload)


def _read_tracks(db: sqlite3.Connection) -> dict[TrackKey, bytes]:
    rows = db.execute("SELECT run, id, payload FROM track ORDER BY rowid").fetchall()
    found = msgspec.convert(rows, list[tuple[str, int, bytes]], builtin_types=(bytes,))
    return {(run, track_id): payload for run, track_id, payload in found}
