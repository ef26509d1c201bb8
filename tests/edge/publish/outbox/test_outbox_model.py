import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.publish.outbox import Outbox, OutboxSettings
from tests.edge.publish.outbox.clocks import Times

BOUNDS = OutboxSettings(max_events=6, max_age_s=100.5, max_bytes=2000)


@dataclass(frozen=True)
class Event:
    number: int
    payload: bytes
    recorded: float


class OutboxBesideAList(RuleBasedStateMachine):
    """Does to an outbox and to a plain list what daemons, brokers, disks and power cuts do."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.times = Times()
        self.now = 0.0
        self.last = 0
        self.waiting: list[Event] = []
        self.seen: dict[int, Event] = {}
        self.runs = 0
        self.away = False
        self.open()

    def open(self) -> None:
        path = self.folder / f"run {self.runs}" / "outbox.db"
        self.outbox = Outbox(path, BOUNDS, self.times.clock)
        self.outbox.open()

    @rule(sizes=st.lists(st.integers(0, 900), max_size=5))
    def record(self, sizes: list[int]) -> None:
        payloads = [
            b"%6d" % (self.last + 1 + place) * (size // 6) for place, size in enumerate(sizes)
        ]
        self.outbox.record(payloads)
        for payload in payloads:
            self.last += 1
            self.seen[self.last] = Event(self.last, payload, self.now)
            self.waiting.append(self.seen[self.last])

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        numbers = data.draw(st.sets(st.integers(0, self.last + 1), max_size=4))
        self.outbox.ack(sorted(numbers))
        self.waiting = [event for event in self.waiting if event.number not in numbers]

    @rule(seconds=st.integers(0, 60))
    def wait(self, seconds: int) -> None:
        self.times.advance(seconds)
        self.now += seconds

    @rule(seconds=st.integers(-(10**8), 10**8))
    def set_the_wall_clock(self, seconds: int) -> None:
        self.times.wall += seconds
        self.outbox.record([])

    @precondition(lambda self: not self.away)
    @rule()
    def lose_the_disk(self) -> None:
        self.outbox.path.parent.rename(self.folder / "away")
        self.away = True

    @precondition(lambda self: self.away)
    @rule()
    def find_the_disk(self) -> None:
        (self.folder / "away").rename(self.outbox.path.parent)
        self.away = False
        self.wait(60)
        self.outbox.record([])

    @precondition(lambda self: not self.away)
    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.open()

    @precondition(lambda self: not self.away)
    @rule(off=st.integers(0, 50))
    def reboot(self, off: int) -> None:
        self.outbox.close()
        self.times.reboot(f"boot {self.now}", off, running=5)
        self.now += off + 5
        self.open()

    @precondition(lambda self: not self.away)
    @rule()
    def cut_the_power(self) -> None:
        before = self.outbox
        self.runs += 1
        after = self.folder / f"run {self.runs}"
        after.mkdir()
        for name in ("outbox.db", "outbox.db-wal"):
            shutil.copyfile(before.path.with_name(name), after / name)
        self.open()
        before.close()
        # What was acknowledged may come again.
        there = [self.seen[entry.number] for entry in self.outbox.pending(0, 100)]
        self.drop_excess()
        assert set(self.waiting) <= set(there)
        self.waiting = there

    @invariant()
    def hold_the_same(self) -> None:
        self.drop_excess()
        entries = self.outbox.pending(0, 100)
        assert [(entry.number, entry.payload) for entry in entries] == [
            (event.number, event.payload) for event in self.waiting
        ]
        assert [round(self.outbox.age(entry), 3) for entry in entries] == [
            self.now - event.recorded for event in self.waiting
        ]
        assert len(self.outbox) == len(self.waiting)
        assert self.outbox.total_bytes == sum(len(event.payload) for event in self.waiting)
        assert self.outbox.durable or self.away

    def drop_excess(self) -> None:
        def fits(events: list[Event]) -> bool:
            size = sum(len(event.payload) for event in events)
            return len(events) <= BOUNDS.max_events and size <= BOUNDS.max_bytes

        while self.waiting and not fits(self.waiting):
            self.waiting.pop(0)
        self.waiting = [
            event for event in self.waiting if self.now - event.recorded <= BOUNDS.max_age_s
        ]

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.folder)


TestAnOutboxDoesWhatAPlainListWithinItsBoundsDoes: Any = OutboxBesideAList.TestCase
TestAnOutboxDoesWhatAPlainListWithinItsBoundsDoes.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
