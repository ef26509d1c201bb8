"""The backlog's copy on disk."""

import logging
import math
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edge.publish.outbox.clock import SystemClock
from edge.publish.outbox.event_queue import EventQueue
from edge.publish.outbox.filelock import hold
from edge.publish.outbox.recovery import is_damage, salvage, set_aside
from edge.publish.outbox.sqlite_store import SqliteEventStore, StoredEvent

RETRY_SECONDS = 60.0
"""How long a disk that refused is left alone."""

log = logging.getLogger(__name__)


class PersistentStore:
    """Keeps a file like the backlog, for as long as the disk lets it; one thread at a time calls.

    Args:
        path: the file.
        backlog: what waits; it takes in what an earlier process has left in the file.
        clock: the machine's clocks.

    Attributes:
        durable: whether the backlog is on disk; False while it is in memory only.
    """

    def __init__(self, path: Path, backlog: EventQueue, clock: SystemClock) -> None:
        self.durable = False
        self._path = path
        self._backlog = backlog
        self._clock = clock
        self._lock_file: int | None = None
        self._ledger: SqliteEventStore | None = None
        self._taken_over = False
        self._refused = False
        self._retry_at = math.inf

    def open(self) -> None:
        """Bring file and backlog together; where the disk refuses, that has to wait.

        Raises:
            BlockingIOError: another process uses the file.
        """
        self._retry_at = self._clock.running() + RETRY_SECONDS
        try:
            if self._lock_file is None:
                self._lock_file = hold(self._path)
            self._ledger = self._merge_or_begin_anew()
        except BlockingIOError:
            raise
        except (OSError, sqlite3.Error) as error:
            self._refuse(error)
        else:
            self._accept()

    def record(self, payloads: Sequence[bytes]) -> None:
        """Add events to the file and then to the backlog, and remove what is gone from there."""
        if self._ledger is None and self._clock.running() >= self._retry_at:
            with suppress(BlockingIOError):  # another process came first: as good as a full disk
                self.open()
        events = self._number(payloads)
        try:
            self._write(events)
        except (OSError, sqlite3.Error) as error:
            self._backlog.add(events)
            self._lose(error)
        else:
            self._backlog.add(events)

    def close(self) -> None:
        """Bring the file up to date and let go of it; a disk that refused has a last chance."""
        if len(self._backlog) and self._retry_at < math.inf:
            self._retry_at = -math.inf
        self.record([])
        self._retry_at = math.inf
        self._let_go()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def _number(self, payloads: Sequence[bytes]) -> list[StoredEvent]:
        now, first = self._clock.running(), self._backlog.last + 1
        return [StoredEvent(number, now, payload) for number, payload in enumerate(payloads, first)]

    def _write(self, events: Sequence[StoredEvent]) -> None:
        gone = self._backlog.take_gone()
        ledger = self._ledger
        if ledger is not None and (events or gone or ledger.clock_stepped):
            ledger.write(events, gone)

    def _merge_or_begin_anew(self) -> SqliteEventStore:
        try:
            return self._merge()
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            self._set_aside(error)
            return self._merge()

    def _merge(self) -> SqliteEventStore:
        """Open the file and make it hold what memory holds."""
        ledger = SqliteEventStore(self._path, self._clock)
        try:
            there = ledger.read()
            self._take_over(there)
            self._backlog.last = max(self._backlog.last, ledger.last)
            waiting = self._backlog.take_all()
            present, wanted = set(there), set(waiting)
            ledger.write(
                added=(kept for kept in waiting if kept not in present),
                removed=(kept.number for kept in there if kept not in wanted),
            )
            ledger.skip(self._backlog.last)
            # After a sync that failed, the log may be in the system's memory and not on disk, and
            # no later sync would tell; what moves into the file is written and synced once more.
            ledger.settle()
        except (OSError, sqlite3.Error):
            ledger.close()
            raise
        return ledger

    def _take_over(self, there: Sequence[StoredEvent]) -> None:
        """Take in, once, what an earlier process has left.

        Events recorded before it could be read keep the numbers that the courier knows them by;
        what was left goes behind them, older as it is.
        """
        if not self._taken_over:
            self._backlog.add_shifted(there)
        self._taken_over = True

    def _lose(self, error: Exception) -> None:
        """Go on without the file or, where that is damaged, with another."""
        self._let_go()
        if not is_damage(error):
            self._refuse(error)
            return
        try:
            self._set_aside(error)
            self.open()
        except OSError as refusal:
            self._refuse(refusal)

    def _set_aside(self, error: Exception) -> None:
        self._take_over(salvage(self._path, self._clock)[0])
        aside = set_aside(self._path)
        log.warning(
            "%s: damaged (%s): renamed to %s, and a new one begun with the %d events that wait",
            *(self._path, error, aside.name, len(self._backlog)),
        )

    def _refuse(self, error: Exception) -> None:
        if not self._taken_over:
            there, whole = salvage(self._path, self._clock)
            if whole:  # a part would come again with the rest
                self._take_over(there)
        self.durable = False
        if not self._refused:
            reason = getattr(error, "strerror", None) or error
            log.warning("%s: %s; events wait in memory only", self._path, reason)
        self._refused = True

    def _accept(self) -> None:
        self.durable = True
        if self._refused:
            log.info(
                "%s: the disk takes events again; %d wait there", self._path, len(self._backlog)
            )
        self._refused = False

    def _let_go(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
