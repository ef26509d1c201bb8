"""Tracks that a run has left open are ended by the next, once each."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.publish.events import encode_event, end_by_restart
from edge.publish.outbox import Outbox, OutboxSettings
from edge.types import EventType
from tests import schema
from tests.edge.publish.outbox.clocks import Times
from tests.edge.publish.outbox.outboxes import numbers, on_disk, payloads
from tests.events import event

START, CHANGE, END = EventType.START, EventType.CHANGE, EventType.END
OLD, NEW = "00000001", "00000002"


@pytest.fixture
def runs(path: Path, times: Times) -> Any:
    """Open an outbox in a run of that id; no run is closed in due form."""

    def begin(run: str) -> Outbox:
        outbox = Outbox(path, OutboxSettings(), times.clock, run)
        outbox.open()
        return outbox

    return begin


def told(outbox: Outbox) -> list[tuple[str, str, int, str | None]]:
    """Return run, type, track and reason of what waits; each event fits its schema."""
    events = [msgspec.json.decode(payload) for payload in payloads(outbox)]
    for one in events:
        schema.EVENT.validate(one)
    return [(one["run"], one["type"], one["track_id"], one.get("reason")) for one in events]


def record(outbox: Outbox, *events: tuple[EventType, int], run: str = OLD) -> None:
    for kind, track_id in events:
        outbox.record([encode_event(event(kind, track_id, run=run))])


def kill(outbox: Outbox) -> None:
    """Let go of the file and write nothing, as the end of a process does."""
    outbox._store.close(unlock=True)


def test_each_track_that_was_left_open_ends_with_its_own_run_and_the_reason(runs: Any) -> None:
    first = runs(OLD)
    record(first, (START, 1), (START, 2), (START, 3), (CHANGE, 1), (END, 2))
    first.ack(numbers(first))
    first.record([])
    kill(first)
    second = runs(NEW)
    record(second, (START, 1), run=NEW)
    assert told(second) == [
        (OLD, "end", 3, "restart"),
        (OLD, "end", 1, "restart"),
        (NEW, "start", 1, None),
    ]
    assert numbers(second) == [6, 7, 8]  # behind all that the first run gave
    kill(second)


def test_it_ends_behind_what_the_old_run_still_has_to_say(runs: Any) -> None:
    first = runs(OLD)
    record(first, (START, 1), (CHANGE, 1))
    kill(first)
    second = runs(NEW)
    assert [kind for _, kind, _, _ in told(second)] == ["start", "change", "end"]
    kill(second)


def test_it_ends_once_however_many_runs_follow(runs: Any, path: Path) -> None:
    first = runs(OLD)
    record(first, (START, 1))
    kill(first)
    for _ in range(3):
        outbox = runs(NEW)
        assert len(on_disk(path)) == 2
        kill(outbox)
    outbox = runs(NEW)
    outbox.ack(numbers(outbox))
    outbox.close()
    outbox = runs("00000003")
    assert told(outbox) == []
    kill(outbox)


def test_the_tracks_of_the_present_run_go_on(runs: Any) -> None:
    before = runs(OLD)
    record(before, (START, 1))
    before.close()
    after = runs(OLD)  # at a reload
    assert [kind for _, kind, _, _ in told(after)] == ["start"]
    record(after, (END, 1))
    after.close()
    last = runs(NEW)
    assert [kind for _, kind, _, _ in told(last)] == ["start", "end"]
    kill(last)


def test_tracks_of_a_time_without_disk_are_known_once_it_is_back(
    runs: Any, path: Path, times: Times
) -> None:
    first = runs(OLD)
    record(first, (START, 1))
    for file in path.parent.iterdir():
        file.unlink()
    record(first, (END, 1), (START, 2))
    assert not first.durable
    first.ack(numbers(first))
    times.advance(60)
    first.record([])
    assert first.durable
    kill(first)
    second = runs(NEW)
    assert told(second) == [(OLD, "end", 2, "restart")]
    kill(second)


def test_an_end_that_is_told_twice_has_the_same_id() -> None:
    """A disk that can be read and not written has it told again at the next start."""
    payload = encode_event(event(START))
    first, second = (msgspec.json.decode(end_by_restart(payload)) for _ in range(2))
    assert first["id"] == second["id"] != msgspec.json.decode(payload)["id"]


def test_a_track_of_a_version_that_knows_another_event_ends_nothing(runs: Any) -> None:
    first = runs(OLD)
    first.record([b'{"type": "start", "run": "00000001", "track_id": 1, "mood": "blue"}'])
    first.ack(numbers(first))
    first.record([])
    kill(first)
    second = runs(NEW)
    assert len(second) == 0
    kill(second)
