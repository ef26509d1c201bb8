from edge.bench.machine_info import MachineMonitor


def test_the_machine_is_described_with_the_speed_of_its_reference() -> None:
    machine = MachineMonitor().describe([10.0, 11.0, 10.5], {"haar": "gone"})
    assert machine.cores >= 1
    assert machine.memory_mb > 100
    assert "numpy" in machine.packages
    assert machine.reference_ms == 10.5
    assert round(machine.reference_spread, 3) == 0.095
    assert machine.not_measured == {"haar": "gone"}


def test_a_reference_that_varies_by_more_than_15_percent_is_told_as_noise() -> None:
    monitor = MachineMonitor()
    told = "the reference computation varied by"
    assert not [one for one in monitor.describe([10.0, 11.4], {}).noise if one.startswith(told)]
    assert [one for one in monitor.describe([10.0, 11.7], {}).noise if one.startswith(told)]


def test_other_processes_take_a_share_and_what_this_process_does_is_not_theirs() -> None:
    monitor = MachineMonitor()
    sum(range(10_000_000))
    assert 0.0 <= monitor.other_load() <= 1.1
