import pytest

from edge.publish import MultiSink
from tests.edge.cameras import KeepingSink
from tests.events import event, stats, status


class Stubborn(KeepingSink):
    """A sink that will not close."""

    def close(self, timeout: float = 0.0) -> None:
        raise RuntimeError("will not close")


class Slow(KeepingSink):
    """A sink that notes how long it may take to close."""

    def close(self, timeout: float = 0.0) -> None:
        self.timeout = timeout


def test_each_sink_gets_everything() -> None:
    kept = [KeepingSink(), KeepingSink()]
    all_of_them = MultiSink(kept)
    records = event(), stats(), status()
    for record in records:
        all_of_them.publish(record)
    assert [(*sink.events, *sink.stats, *sink.statuses) for sink in kept] == [records, records]


def test_dropped_is_the_sum_over_all_sinks() -> None:
    kept = [KeepingSink(), KeepingSink()]
    kept[0].dropped, kept[1].dropped = 2, 3
    assert MultiSink(kept).dropped == 5


def test_one_that_fails_to_close_keeps_no_other_open() -> None:
    kept = [KeepingSink(), Stubborn(), KeepingSink()]
    with pytest.raises(RuntimeError, match="will not close"):
        MultiSink(kept).close(1.0)
    assert kept[0].closed
    assert kept[2].closed


def test_they_share_the_time_that_there_is_to_close() -> None:
    slow = Slow()
    MultiSink([slow]).close(5.0)
    assert 4.0 < slow.timeout <= 5.0


def test_their_status_texts_stand_in_one_line_without_those_that_have_none() -> None:
    kept = [KeepingSink(), KeepingSink(), KeepingSink()]
    assert MultiSink(kept).status_text is None
    kept[0].status_text, kept[2].status_text = "broker a:1 away", "broker b:1"
    assert MultiSink(kept).status_text == "broker a:1 away; broker b:1"


class Careful(KeepingSink):
    """A sink that notes what happens to it in a list that others note into as well."""

    def __init__(self, name: str, notes: list[str]) -> None:
        super().__init__()
        self._name = name
        self._notes = notes

    def start(self) -> None:
        self._notes.append(f"{self._name} started, told {len(self.statuses)}")

    def close(self, timeout: float = 0.0) -> None:
        self._notes.append(f"{self._name} closed")


def test_a_removed_sink_is_closed_before_a_new_one_gets_the_status_and_starts() -> None:
    notes: list[str] = []
    old, staying, new = (Careful(name, notes) for name in ("old", "staying", "new"))
    sinks = MultiSink([old, staying])
    sinks.start()
    sinks.publish(status())
    old.dropped = 2
    sinks.request([new, staying])
    sinks.replace_requested(1.0)
    assert notes[2:] == ["old closed", "new started, told 1"]
    sinks.publish(event())
    assert [len(sink.events) for sink in (old, staying, new)] == [0, 1, 1]
    assert len(staying.statuses) == 1
    assert sinks.dropped == 2
