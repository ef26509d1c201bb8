"""What can be had of a ledger that cannot be used."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from edge.publish.outbox.clock import SystemClock
from edge.publish.outbox.sqlite_store import StoredEvent, epoch, rows

DAMAGE = {
    sqlite3.SQLITE_ERROR,  # a database, but of something else
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_NOTADB,
}
"""Result codes that blame the file, where others blame the disk."""


def is_damage(error: Exception) -> bool:
    """Return whether `error` blames the file itself, which no waiting mends."""
    if not isinstance(error, sqlite3.Error):
        return False
    # What this program or the sqlite3 module finds wrong with a row has no code.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in DAMAGE  # the rest of an extended code tells details


def salvage(path: Path, clock: SystemClock) -> tuple[list[StoredEvent], bool]:
    """Return what can be read without writing, oldest first, and whether that is all of it."""
    found: dict[int, StoredEvent] = {}
    # From the oldest up to the damage, and where there is any, from the newest down to it.
    whole = any(_collect(path, clock, order, found) for order in ("ASC", "DESC"))
    return [found[number] for number in sorted(found)], whole


def set_aside(path: Path) -> Path:
    """Rename a damaged ledger, over an older one, and return its new name.

    Raises:
        OSError: the disk refuses.
    """
    aside = path.with_name(f"{path.name}.damaged")
    path.replace(aside)
    for suffix in ("-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(aside.with_name(aside.name + suffix))
    return aside


def _collect(path: Path, clock: SystemClock, order: str, found: dict[int, StoredEvent]) -> bool:
    """Read into `found` what can be read in that order; return whether nothing failed."""
    try:
        with closing(_open_to_read(path)) as db:
            for kept in rows(db, epoch(db, clock), order):
                found[kept.number] = kept
    except (OSError, sqlite3.Error):
        return False
    return True


def _open_to_read(path: Path) -> sqlite3.Connection:
    # Where nothing can be written, SQLite reads a write-ahead log by the index that a process
    # which died has left; where no log is left either, it must be told that none can appear.
    # https://sqlite.org/wal.html#read_only_databases
    mode = "mode=ro" if _has_log(path) else "immutable=1"
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None)
    db.execute("PRAGMA writable_schema = ON")  # without it, nothing is read of a file cut short
    return db


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0
