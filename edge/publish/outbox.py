"""Outbox: keeps events until the broker has acknowledged them."""

import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec

from edge.errors import EmotiondError
from edge.publish.events import end_by_restart
from edge.publish.outbox_store import STORE_ERRORS, PendingEvent, SqliteStore, SystemClock, TrackKey
from edge.terminal import plural
from edge.types import EventType

RETRY_SECONDS = 60.0  # pause before a disk that refused is tried again

log = logging.getLogger(__name__)


class OutboxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of what may wait, beyond which the oldest events are dropped.

    Bytes bound the memory as well as the file; no age is above what MQTT 5 has a number for.
    """

    max_events: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 10_000
    max_age_s: Annotated[float, msgspec.Meta(gt=0, le=4_294_967_295.0)] = 604_800.0
    max_bytes: Annotated[int, msgspec.Meta(ge=1024)] = 67_108_864


class _TrackHeader(msgspec.Struct, frozen=True):
    type: EventType
    run: str
    track_id: int


class Outbox:
    """Keeps events, in memory and in a file, until the broker has acknowledged them.

    What waits is read from memory; the file is read once, when a process begins, and from then on
    only follows. So a disk that fails takes nothing away but the promise to outlive the process.
    The file also has the latest event of each track that has not ended: what another run than `run`
    has left open is ended when it is loaded. Any thread may call.
    """

    def __init__(
        self, path: Path, settings: OutboxSettings, clock: SystemClock | None = None, run: str = ""
    ) -> None:
        self.path = path
        self.durable = self._loaded = False  # whether events lie on disk, not in memory only
        self.recorded = self.dropped = self._last_number = 0
        self.total_bytes = 0  # of the payloads that wait
        self._settings, self._run, self._clock = settings, run, clock or SystemClock()
        self._lock = threading.Lock()
        self._events: OrderedDict[int, PendingEvent] = OrderedDict()
        self._tracks: dict[TrackKey, bytes] = {}
        self._removed: list[int] = []  # from memory, and not yet from the file
        self._changed_tracks: dict[TrackKey, None] = {}  # in this order; not yet in the file
        self._store = SqliteStore(path, self._clock)
        self._retry_at = math.inf
        self._warned_of_disk = self._warned_of_drops = False

    def __len__(self) -> int:
        return len(self._events)

    def open(self) -> None:
        """Load what an earlier process has left; an EmotiondError says that another one uses it."""
        with self._lock:
            self._open_store()

    def record(self, payloads: Sequence[bytes]) -> None:
        """Add events; on return they outlive a power cut, unless the disk refuses.

        All go to disk together, for one wait. With none, only what is overdue is done: a disk that
        refused is tried again, and what the broker has acknowledged leaves the file.
        """
        with self._lock:
            if not self.durable and self._clock.running() >= self._retry_at:
                with suppress(EmotiondError):  # another process came first: like a full disk
                    self._open_store()
            for payload in payloads:
                self._follow_track(payload)
            self._write(self._add_new(payloads))
            self.recorded += len(payloads)

    def pending(self, after: int, limit: int) -> list[PendingEvent]:
        """Return the oldest events whose numbers are above `after`, `limit` at most."""
        with self._lock:
            self._drop_excess()
            if after >= self._last_number:
                return []
            later = (event for event in self._events.values() if event.number > after)
            return list(islice(later, limit))

    def age(self, event: PendingEvent) -> float:
        """Return the seconds since `event` was recorded."""
        return max(0.0, self._clock.running() - event.recorded_at)

    def ack(self, numbers: Iterable[int]) -> None:
        """Remove events that were acknowledged; from the file, with what is recorded next."""
        with self._lock:
            for number in numbers:
                self._remove(number)
            self._warned_of_drops = self._warned_of_drops and bool(self._events)

    def close(self) -> None:
        """Write what is left and close the file; a disk that refused is tried once more."""
        if self._retry_at < math.inf and self._events:
            self._retry_at = -math.inf
        self.record([])
        self._retry_at = math.inf
        self._store.close(unlock=True)

    def _write(self, added: Sequence[PendingEvent]) -> None:
        """Add to the file what was added to memory, and remove what is no longer there."""
        kept = [event for event in added if event.number in self._events]
        removed, self._removed = self._removed, []
        tracks = {key: self._tracks.get(key) for key in self._changed_tracks}
        self._changed_tracks.clear()
        try:
            self._store.write(kept, removed, tracks)
        except STORE_ERRORS as error:
            self._handle_failure(error)

    def _open_store(self, replaced: bool = False) -> None:
        """Open the file, `replaced` by a new one or not; make it and memory hold the same."""
        self._retry_at = self._clock.running() + RETRY_SECONDS
        try:
            stored, tracks, last_number = self._store.open()
            if not self._loaded:
                self._load(stored, tracks, last_number)
            self._last_number = max(self._last_number, last_number)
            self._removed = []
            self._changed_tracks.clear()
            present, wanted = set(stored), set(self._events.values())
            added = [event for event in self._events.values() if event not in present]
            removed = [event.number for event in stored if event not in wanted]
            changed = dict.fromkeys(tracks) | self._tracks
            self._store.write(added, removed, changed, self._last_number)
        except STORE_ERRORS as error:
            self._handle_failure(error, replaced)
            return
        self.durable = True
        if self._warned_of_disk:
            log.info("%s: the disk takes events again; %d wait there", self.path, len(self))
        self._warned_of_disk = False

    def _handle_failure(self, error: Exception, replaced: bool = False) -> None:
        """Go on in memory, and replace a damaged file at once; any other is tried again later."""
        self._store.close()
        self.durable = False
        # What is damaged as soon as it is begun anew is left to another try.
        damaged = SqliteStore.is_damage(error) and not replaced
        if not self._loaded:
            events, tracks, complete = self._store.salvage()
            if complete or damaged:  # of a file that is read again, a part would come twice
                self._load(events, tracks)
        if damaged:
            try:
                aside = self._store.quarantine().name
            except OSError as refusal:
                error = refusal
            else:
                text = "%s: damaged (%s): renamed to %s, and a new one begun with %s"
                log.warning(text, self.path, error, aside, plural(len(self), "event"))
                self._open_store(replaced=True)
                return
        if not self._warned_of_disk:
            reason = getattr(error, "strerror", None) or error
            log.warning("%s: %s; events wait in memory only", self.path, reason)
        self._warned_of_disk = True

    def _load(
        self, stored: Sequence[PendingEvent], tracks: Mapping[TrackKey, bytes], last_number: int = 0
    ) -> None:
        """Take in what an earlier process has left, and the ends of its tracks, as the newest."""
        shift = self._last_number  # up to which the publisher knows the numbers
        self._add([replace(event, number=event.number + shift) for event in stored])
        self._last_number = max(self._last_number, last_number)
        self._loaded = True
        for key, payload in tracks.items():
            if key[0] == self._run:
                self._tracks.setdefault(key, payload)
            else:
                with suppress(msgspec.DecodeError):  # of a version that knows another event
                    self._add_new([end_by_restart(payload)])

    def _follow_track(self, payload: bytes) -> None:
        """Keep the latest event of a track until it ends."""
        with suppress(msgspec.DecodeError):
            event = msgspec.json.decode(payload, type=_TrackHeader)
            key = event.run, event.track_id
            self._changed_tracks[key] = None
            self._tracks[key] = payload
            if event.type is EventType.END:
                del self._tracks[key]

    def _add_new(self, payloads: Iterable[bytes]) -> list[PendingEvent]:
        now, numbered = self._clock.running(), enumerate(payloads, self._last_number + 1)
        events = [PendingEvent(number, now, payload) for number, payload in numbered]
        self._add(events)
        return events

    def _add(self, events: Sequence[PendingEvent]) -> None:
        for event in events:
            self._events[event.number] = event
            self.total_bytes += len(event.payload)
            self._last_number = event.number
        self._drop_excess()

    def _remove(self, number: int) -> None:
        if (event := self._events.pop(number, None)) is not None:
            self.total_bytes -= len(event.payload)
            self._removed.append(number)

    def _drop_excess(self) -> None:
        bounds = self._settings
        while self._events:
            oldest = next(iter(self._events.values()))
            many = len(self._events) > bounds.max_events or self.total_bytes > bounds.max_bytes
            if not many and self.age(oldest) <= bounds.max_age_s:
                return
            self._remove(oldest.number)
            self.dropped += 1
            if not self._warned_of_drops:
                log.warning("%s: more waits than may; the oldest events are dropped", self.path)
            self._warned_of_drops = True
