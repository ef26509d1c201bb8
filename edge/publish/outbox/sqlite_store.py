"""The file of events that wait."""

import errno
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from edge.publish.outbox.clock import SystemClock
from edge.publish.outbox.filelock import make_private

SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY AUTOINCREMENT, recorded REAL NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS clock (
    row INTEGER PRIMARY KEY, boot TEXT NOT NULL, epoch REAL NOT NULL, began REAL NOT NULL
);
"""

BUSY_SECONDS = 2.0
"""How long somebody who looks into the file by hand may lock it."""

CLOCK_STEP = 1.0
"""Seconds; less is drift, which no age of days can feel."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event that waits.

    Attributes:
        number: its place in the order.
        since: when it was recorded, in seconds since the present boot; before it, negative.
        payload: what the broker gets.
    """

    number: int
    since: float = field(compare=False)
    payload: bytes = field(repr=False)


class SqliteEventStore:
    """One SQLite file with the events that wait.

    Times in it are seconds of the ledger's own, which run on across boots: while a machine is up
    they are those since its boot, shifted by the ledger's epoch, and from boot to boot they
    advance by what the wall clock says went by, but never back.

    Args:
        path: the file; its folder must be there. It is made readable for its owner only.
        clock: the machine's clocks.

    Attributes:
        last: the highest number given before it was opened.

    Raises:
        OSError, sqlite3.Error: the disk refuses, or the file is no ledger.
    """

    def __init__(self, path: Path, clock: SystemClock) -> None:
        self._path = path
        self._clock = clock
        self._began: float | None = None
        make_private(path)
        # Its user sees to it that one thread at a time is in here.
        self._db = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._set_up()
            self._epoch = epoch(self._db, clock)
            self.last = self._highest_number()
        except (OSError, sqlite3.Error):
            self.close()
            raise

    def read(self) -> list[StoredEvent]:
        """Return all events, oldest first.

        Raises:
            sqlite3.Error: they cannot be read.
        """
        return list(rows(self._db, self._epoch, "ASC"))

    def write(self, added: Iterable[StoredEvent], removed: Iterable[int]) -> None:
        """Remove some and add others, in one transaction that a power cut cannot undo.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        if not self._path.exists():  # SQLite would go on, in a file that no process finds again
            raise FileNotFoundError(errno.ENOENT, "the file was removed")
        new = [(kept.number, kept.since + self._epoch, kept.payload) for kept in added]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(
                "DELETE FROM event WHERE number = ?", ((number,) for number in removed)
            )
            self._db.executemany("INSERT INTO event VALUES (?, ?, ?)", new)
            self._note_time()
            self._db.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                self._db.rollback()
            raise

    def skip(self, last: int) -> None:
        """Let no number up to `last` be given again: the file has not seen all of them.

        Raises:
            sqlite3.Error: the disk refuses.
        """
        if last > self._highest_number():
            self._db.execute("DELETE FROM sqlite_sequence WHERE name = 'event'")
            self._db.execute("INSERT INTO sqlite_sequence VALUES ('event', ?)", (last,))

    @property
    def clock_stepped(self) -> bool:
        """Whether the wall clock has stepped since the last `write`, which keeps its time.

        What it was wrong by when an event was recorded must not count in the next boot.
        """
        began = self._clock.wall() - self._clock.running()
        return self._began is None or abs(began - self._began) > CLOCK_STEP

    def settle(self) -> None:
        """Move the write-ahead log into the file itself.

        Raises:
            sqlite3.Error: the disk refuses.
        """
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            self._db.close()

    def _set_up(self) -> None:
        (mode,) = self._db.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise OSError(errno.ENOTSUP, "this file system cannot keep a write-ahead log")
        # "With synchronous=FULL in WAL mode, an additional sync operation of the WAL file happens
        # after each transaction commit. The extra WAL sync following each transaction helps ensure
        # that transactions are durable across a power loss." With NORMAL the latest may be lost.
        # https://sqlite.org/pragma.html#pragma_synchronous
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)

    def _highest_number(self) -> int:
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'event'"
        (number,) = _convert(self._db.execute(query).fetchone() or (0,), tuple[int])
        return number

    def _note_time(self) -> None:
        if self.clock_stepped:
            self._began = self._clock.wall() - self._clock.running()
            row = (self._clock.boot(), self._epoch, self._began)
            self._db.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?)", row)


def epoch(db: sqlite3.Connection, clock: SystemClock) -> float:
    """Return how far the time of the ledger in `db` is ahead of the time since this boot.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    row = db.execute("SELECT boot, epoch, began FROM clock").fetchone()
    if row is None:
        return 0.0
    boot, then, began = _convert(row, tuple[str, float, float])
    if boot == clock.boot():
        return then
    latest = db.execute("SELECT recorded FROM event ORDER BY number DESC LIMIT 1").fetchone()
    (recorded,) = _convert(latest or (then,), tuple[float])
    # Whatever the wall clock says, all that was recorded then is older than this boot.
    return max(then + clock.wall() - began - clock.running(), recorded)


def rows(db: sqlite3.Connection, epoch: float, order: str) -> Iterator[StoredEvent]:
    """Read the events of the ledger in `db`, one after another, in the `order` ASC or DESC.

    Raises:
        sqlite3.Error: the next one cannot be read.
    """
    query = f"SELECT number, recorded, payload FROM event ORDER BY number {order}"
    for row in db.execute(query):
        number, recorded, payload = _convert(row, tuple[int, float, bytes])
        yield StoredEvent(number, recorded - epoch, payload)


def _convert(row: object, form: type[Row]) -> Row:
    """Return `row`, seen to be of that form: SQLite's columns hold anything, damage as well."""
    try:
        return msgspec.convert(row, form, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise sqlite3.DatabaseError("a row is malformed") from error
