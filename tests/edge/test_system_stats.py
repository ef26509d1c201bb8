import time
from pathlib import Path

import pytest

from edge.system_stats import SystemStats


def zone(folder: Path, number: int, text: str) -> None:
    (folder / f"thermal_zone{number}").mkdir()
    (folder / f"thermal_zone{number}" / "temp").write_text(text)


@pytest.mark.parametrize(
    ("zones", "temperature"),
    [
        ([], None),
        (["48312\n"], 48.3),
        (["41000\n", "61500\n"], 61.5),
        (["-274000\n", "45000\n"], 45.0),
        (["200000\n", "nonsense"], None),
    ],
)
def test_the_temperature_is_that_of_the_hottest_sensor_that_is_there(
    tmp_path: Path, zones: list[str], temperature: float | None
) -> None:
    for number, text in enumerate(zones):
        zone(tmp_path, number, text)
    machine = SystemStats(tmp_path)
    assert machine.sample().temperature == temperature
    assert machine.has_temperature == (temperature is not None)


def test_memory_is_what_the_process_holds() -> None:
    assert 10_000_000 < SystemStats().sample().memory < 100_000_000_000


def test_processor_time_is_told_as_a_share_of_one_core() -> None:
    machine = SystemStats()
    assert machine.sample().cpu == 0.0  # nobody waited yet
    started = time.monotonic()
    while time.monotonic() - started < 1.05:
        pass
    assert machine.sample().cpu > 0.1
