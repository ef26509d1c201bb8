import msgspec

from edge.bench.machine_info import OtherCpuLoad, describe_machine, read_conditions
from edge.bench.schema import Machine


def test_the_machine_is_described_as_a_result_wants_it() -> None:
    now = read_conditions()
    rest = {
        "before": now,
        "after": now,
        "reference_ms": 1.0,
        "reference_spread": 0.0,
        "others": 0.0,
        "noise": (),
        "not_measured": {},
    }
    machine = msgspec.convert({**describe_machine(), **rest}, Machine)
    assert machine.cores >= 1
    assert machine.memory_mb > 100
    assert "numpy" in machine.packages


def test_other_processes_take_a_share_and_what_this_process_does_is_not_theirs() -> None:
    load = OtherCpuLoad()
    sum(range(10_000_000))
    assert 0.0 <= load.share() <= 1.1
