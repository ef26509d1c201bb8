from datetime import UTC, datetime

from edge.bench.report import describe_machine

STARTED = datetime(2026, 11, 29, tzinfo=UTC)


def test_the_machine_is_described_with_the_speed_of_its_reference() -> None:
    machine = describe_machine(STARTED, [10.0, 11.0, 10.5], {"haar": "gone"})
    assert machine.time == "2026-11-29T00:00:00+00:00"
    assert machine.cores >= 1
    assert machine.memory_mb > 100
    assert "numpy" in machine.packages
    assert machine.reference_ms == 10.5
    assert round(machine.reference_spread, 3) == 0.095
    assert machine.not_measured == {"haar": "gone"}


def test_a_reference_that_varies_by_more_than_15_percent_is_told_as_noise() -> None:
    assert describe_machine(STARTED, [10.0, 11.4], {}).noise == ()
    (told,) = describe_machine(STARTED, [10.0, 11.7], {}).noise
    assert told.startswith("the reference computation varied by 16%")
