import msgspec

from edge.bench.machine_info import Neighbours, conditions, describe
from edge.bench.schema import Machine


def test_the_machine_is_described_as_a_result_wants_it() -> None:
    now = conditions()
    rest = {
        "before": now,
        "after": now,
        "reference_ms": 1.0,
        "reference_spread": 0.0,
        "others": 0.0,
        "noise": (),
        "not_measured": {},
    }
    machine = msgspec.convert({**describe(), **rest}, Machine)
    assert machine.cores >= 1
    assert machine.memory_mb > 100
    assert "numpy" in machine.packages


def test_neighbours_take_a_share_and_what_this_process_does_is_not_theirs() -> None:
    neighbours = Neighbours()
    sum(range(10_000_000))
    assert 0.0 <= neighbours.share() <= 1.1
