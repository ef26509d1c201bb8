from pathlib import Path

import pytest

from edge.doctor.result import CheckResult, Level
from edge.doctor.throttling import examine_temperature, examine_throttling
from tests.edge.doctor.findings import listed, only


def heated(zones: Path, thousandths: int) -> CheckResult:
    (zones / "thermal_zone0").mkdir()
    (zones / "thermal_zone0" / "temp").write_text(f"{thousandths}\n")
    return only(examine_temperature(zones))


def test_a_moderate_temperature_is_ok(tmp_path: Path) -> None:
    finding = heated(tmp_path, 48_250)
    assert (finding.level, finding.text) == (Level.OK, "48.2 °C")


def test_one_at_which_a_raspberry_pi_slows_down_is_a_warning(tmp_path: Path) -> None:
    finding = heated(tmp_path, 80_000)
    assert finding.level is Level.WARNING
    assert "slower from 80 °C" in finding.text


def test_no_thermometer_is_ok(tmp_path: Path) -> None:
    assert only(examine_temperature(tmp_path)).level is Level.OK


def throttled(devices: Path, text: str, soc: str = "soc") -> list[str]:
    folder = devices / "platform" / soc / f"{soc}:firmware"
    folder.mkdir(parents=True)
    (folder / "get_throttled").write_text(text)
    return [str(finding) for finding in listed(examine_throttling(devices))]


@pytest.mark.parametrize("soc", ["soc", "soc@107c000000"])
def test_a_board_that_was_never_held_back_is_ok(soc: str, tmp_path: Path) -> None:
    assert throttled(tmp_path, "0\n", soc) == ["ok       throttling: none since the boot"]


def test_too_little_voltage_asks_for_another_power_supply(tmp_path: Path) -> None:
    voltage, throttling = throttled(tmp_path, "50005\n")
    assert voltage.startswith(
        "warning  throttling: too little voltage now; give the board the power"
    )
    assert throttling.startswith("warning  throttling: the processor is throttled now; give it air")


def test_what_has_been_since_the_boot_is_a_warning_too(tmp_path: Path) -> None:
    heat, limit = throttled(tmp_path, "c0000\n")
    assert "since the boot: the processor is throttled" in heat
    assert "since the boot: the soft limit of temperature is reached" in limit


def test_what_is_not_read_as_a_number_is_passed_over(tmp_path: Path) -> None:
    assert throttled(tmp_path, "none\n") == []


def limited(devices: Path, allowed: int) -> CheckResult:
    folder = devices / "system" / "cpu" / "cpu0" / "cpufreq"
    folder.mkdir(parents=True)
    (folder / "cpuinfo_max_freq").write_text("1800000\n")
    (folder / "scaling_max_freq").write_text(f"{allowed}\n")
    return only(examine_throttling(devices))


def test_a_processor_that_may_run_at_full_speed_is_ok(tmp_path: Path) -> None:
    finding = limited(tmp_path, 1_800_000)
    assert (finding.level, finding.text) == (Level.OK, "up to 1800 of 1800 MHz are allowed")


def test_one_that_may_not_is_a_warning(tmp_path: Path) -> None:
    finding = limited(tmp_path, 600_000)
    assert (finding.level, finding.text) == (Level.WARNING, "up to 600 of 1800 MHz are allowed")


def test_a_machine_that_tells_nothing_of_it_is_passed_over(tmp_path: Path) -> None:
    assert listed(examine_throttling(tmp_path)) == []
