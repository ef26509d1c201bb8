import pytest

from edge.publish import Sinks
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
    all_of_them = Sinks(kept)
    records = event(), stats(), status()
    for record in records:
        all_of_them.publish(record)
    assert [(*sink.events, *sink.stats, *sink.statuses) for sink in kept] == [records, records]


def test_what_they_dropped_is_told_together() -> None:
    kept = [KeepingSink(), KeepingSink()]
    kept[0].dropped, kept[1].dropped = 2, 3
    assert Sinks(kept).dropped == 5


def test_one_that_fails_to_close_keeps_no_other_open() -> None:
    kept = [KeepingSink(), Stubborn(), KeepingSink()]
    with pytest.raises(RuntimeError, match="will not close"):
        Sinks(kept).close(1.0)
    assert kept[0].closed
    assert kept[2].closed


def test_they_share_the_time_that_there_is_to_close() -> None:
    slow = Slow()
    Sinks([slow]).close(5.0)
    assert 4.0 < slow.timeout <= 5.0
