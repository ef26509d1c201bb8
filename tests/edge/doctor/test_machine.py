"""Files stand for /proc and /sys, and text for systemd's answers; tests/system asks a real one."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.doctor.machine import (
    check_clock,
    check_cpu,
    check_temperature,
    check_throttling,
    check_unit,
    check_user,
)
from edge.errors import CheckResult, Level
from tests.edge.doctor.results import listed, only


def test_where_no_service_runs_the_config_the_user_is_not_mentioned() -> None:
    assert listed(check_user(None)) == []


def test_root_is_told_that_the_service_may_open_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    result = only(check_user("emotiond.service"))
    assert result.level is Level.OK
    assert "emotiond.service is another user" in result.text


def test_other_users_are_told_to_use_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = only(check_user("emotiond.service"))
    assert (result.level, result.remedy) == (Level.WARNING, "run it with sudo")


def cpu_result(tmp_path: Path, line: str, machine: str) -> CheckResult:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{line}\nbogomips\t: 108.00\n")
    return only(check_cpu(cpuinfo, machine))


@pytest.mark.parametrize(
    ("line", "machine", "text"),
    [
        ("flags\t\t: fpu avx avx2 avx512_vnni", "x86_64", "x86_64 with avx2, avx512_vnni"),
        ("flags\t\t: fpu avx sse4_1", "x86_64", "x86_64 without avx2, models take longer"),
        ("Features\t: fp asimd crc32 asimddp", "aarch64", "aarch64 with asimddp"),
        (
            "Features\t: fp asimd crc32",
            "aarch64",
            "aarch64 without asimddp, as in a Raspberry Pi 3 and 4: ",
        ),
        ("isa\t\t: rv64imafdc", "riscv64", "riscv64 of a kind not known here"),
    ],
)
def test_the_instructions_that_models_gain_by_are_named_and_missing_ones_are_ok(
    line: str, machine: str, text: str, tmp_path: Path
) -> None:
    result = cpu_result(tmp_path, line, machine)
    assert result.level is Level.OK
    assert result.text.startswith(text)


def test_a_cpu_that_is_hidden_is_a_warning_as_xnnpack_then_switches_itself_off(
    tmp_path: Path,
) -> None:
    result = only(check_cpu(tmp_path / "none", "x86_64"))
    assert result.level is Level.WARNING
    assert "XNNPACK" in result.text
    assert "ProcSubset=pid" in str(result.remedy)


def clock_result(answer: str) -> CheckResult:
    return only(check_clock(lambda *command: answer))


def test_a_clock_that_is_kept_right_is_ok() -> None:
    result = clock_result("yes\n")
    assert result.level is Level.OK
    assert result.text.endswith(" UTC, kept right")
    assert result.text.startswith(f"{datetime.now(UTC):%Y-%m-%d}")


def test_a_clock_that_nothing_keeps_right_is_a_warning() -> None:
    result = clock_result("no\n")
    assert result.level is Level.WARNING
    assert "timedatectl set-ntp true" in str(result.remedy)


def refuse(*command: str) -> str:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_system_that_does_not_tell_of_the_clock_is_no_reason_to_worry() -> None:
    result = only(check_clock(refuse))
    assert result.level is Level.OK
    assert "does not say whether it is right" in result.text


def temperature_result(zones: Path, thousandths: int) -> CheckResult:
    (zones / "thermal_zone0").mkdir()
    (zones / "thermal_zone0" / "temp").write_text(f"{thousandths}\n")
    return only(check_temperature(zones))


def test_a_moderate_temperature_is_ok(tmp_path: Path) -> None:
    result = temperature_result(tmp_path, 48_250)
    assert (result.level, result.text) == (Level.OK, "48.2 °C")


def test_a_temperature_at_which_a_raspberry_pi_slows_down_is_a_warning(tmp_path: Path) -> None:
    result = temperature_result(tmp_path, 80_000)
    assert result.level is Level.WARNING
    assert "slower from 80 °C" in result.text


def test_no_thermometer_is_ok(tmp_path: Path) -> None:
    assert only(check_temperature(tmp_path)).level is Level.OK


def throttling_lines(devices: Path, text: str, soc: str = "soc") -> list[str]:
    folder = devices / "platform" / soc / f"{soc}:firmware"
    folder.mkdir(parents=True)
    (folder / "get_throttled").write_text(text)
    return [str(result) for result in listed(check_throttling(devices))]


@pytest.mark.parametrize("soc", ["soc", "soc@107c000000"])
def test_a_board_that_was_never_held_back_is_ok(soc: str, tmp_path: Path) -> None:
    assert throttling_lines(tmp_path, "0\n", soc) == ["ok       throttling: none since the boot"]


def test_too_little_voltage_asks_for_another_power_supply(tmp_path: Path) -> None:
    voltage, throttling = throttling_lines(tmp_path, "50005\n")
    assert voltage.startswith(
        "warning  throttling: too little voltage now; give the board the power"
    )
    assert throttling.startswith("warning  throttling: the CPU is throttled now; give it air")


def test_throttling_since_the_boot_is_a_warning_too(tmp_path: Path) -> None:
    heat, limit = throttling_lines(tmp_path, "c0000\n")
    assert "since the boot: the CPU is throttled" in heat
    assert "since the boot: the soft limit of temperature is reached" in limit


def test_a_throttling_that_is_no_number_is_passed_over(tmp_path: Path) -> None:
    assert throttling_lines(tmp_path, "none\n") == []


def frequency_result(devices: Path, allowed: int) -> CheckResult:
    folder = devices / "system" / "cpu" / "cpu0" / "cpufreq"
    folder.mkdir(parents=True)
    (folder / "cpuinfo_max_freq").write_text("1800000\n")
    (folder / "scaling_max_freq").write_text(f"{allowed}\n")
    return only(check_throttling(devices))


def test_a_cpu_that_may_run_at_full_speed_is_ok(tmp_path: Path) -> None:
    result = frequency_result(tmp_path, 1_800_000)
    assert (result.level, result.text) == (Level.OK, "up to 1800 of 1800 MHz are allowed")


def test_a_cpu_that_may_not_is_a_warning(tmp_path: Path) -> None:
    result = frequency_result(tmp_path, 600_000)
    assert (result.level, result.text) == (Level.WARNING, "up to 600 of 1800 MHz are allowed")


def test_a_machine_that_tells_nothing_of_it_is_passed_over(tmp_path: Path) -> None:
    assert listed(check_throttling(tmp_path)) == []


CONFIG = Path("/etc/emotiond/emotiond.yaml")

RUNNING = {
    "Result": "success",
    "NRestarts": "0",
    "ExecMainStatus": "0",
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "ProcSubset": "all",
}


def unit_results(config: Path = CONFIG, **properties: str) -> list[CheckResult]:
    """Return what is found where systemd says so of a unit that runs well otherwise."""
    answer = "\n".join(f"{name}={value}" for name, value in (RUNNING | properties).items())
    return listed(check_unit(config, systemd=Path("/"), run=lambda *command: answer))


def test_a_service_that_runs_and_will_start_at_boot_is_ok() -> None:
    (result,) = unit_results()
    assert (result.level, result.subject) == (Level.OK, "emotiond.service")
    assert result.text == "active (running)"


def test_where_systemd_does_not_run_nobody_is_asked(tmp_path: Path) -> None:
    result = only(check_unit(CONFIG, systemd=tmp_path / "none", run=refuse))
    assert (result.level, result.text) == (Level.OK, "does not run here")


def test_of_a_config_of_no_unit_emotiond_service_is_looked_at() -> None:
    (result,) = unit_results(Path("/home/pi/emotiond.yaml"))
    assert result.subject == "emotiond.service"


@pytest.mark.parametrize(
    ("properties", "level", "words"),
    [
        ({"ActiveState": "inactive", "SubState": "dead"}, Level.WARNING, "inactive (dead); sudo systemctl start emotiond.service"),
        ({"ActiveState": "activating", "SubState": "start"}, Level.WARNING, "no frame has come yet"),
        ({"ActiveState": "activating", "SubState": "auto-restart", "Result": "watchdog", "ExecMainStatus": "6"}, Level.FAILURE, "auto-restart): watchdog, status 6; read `journalctl -u emotiond.service"),
        ({"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainStatus": "78"}, Level.FAILURE, "exit-code, status 78"),
        ({"LoadState": "not-found"}, Level.FAILURE, "is not installed; sudo systemd/install"),
        ({"LoadState": "masked"}, Level.FAILURE, "unmask"),
        ({"LoadState": "bad-setting"}, Level.FAILURE, "cannot be loaded: bad-setting"),
    ],
)  # fmt: skip
def test_a_service_that_does_not_run_is_told_by_its_state(
    properties: dict[str, str], level: Level, words: str
) -> None:
    (result,) = unit_results(CONFIG, **properties)
    assert result.level is level
    assert words in str(result)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"UnitFileState": "disabled"}, "does not start at boot: disabled; sudo systemctl enable"),
        ({"NRestarts": "3"}, "was started anew 3 times"),
        ({"NeedDaemonReload": "yes"}, "sudo systemctl daemon-reload"),
        ({"ProcSubset": "pid"}, "hides /proc/cpuinfo"),
        ({"StatusText": "camera dark; 30 fps"}, "the daemon says: camera dark; look at its lens"),
    ],
)
def test_a_service_that_runs_may_still_call_for_care(
    properties: dict[str, str], words: str
) -> None:
    running, warning = unit_results(CONFIG, **properties)
    assert (running.level, warning.level) == (Level.OK, Level.WARNING)
    assert words in str(warning)


def test_a_service_that_nobody_installed_is_ok_for_a_config_of_ones_own() -> None:
    (result,) = unit_results(Path("emotiond.yaml"), LoadState="not-found")
    assert result.level is Level.OK


def test_a_systemd_that_cannot_be_asked_is_a_warning() -> None:
    result = only(check_unit(CONFIG, systemd=Path("/"), run=refuse))
    assert result.level is Level.WARNING
    assert "Operation not permitted" in result.text


@pytest.mark.parametrize("script", ["exit 1", "exec sleep 9"])
def test_a_systemctl_that_fails_or_hangs_is_a_warning_of_one_line(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("edge.doctor.machine.PROGRAM_S", 0.2)
    result = only(check_unit(CONFIG, systemd=Path("/")))
    assert result.level is Level.WARNING
    assert "systemctl" in result.text
    assert "\n" not in result.text
