"""What systemd answers is given here as text; tests/system asks a real one."""

import os
from pathlib import Path

import pytest

from edge.doctor.result import CheckResult, Level
from edge.doctor.unit import examine_unit, show
from tests.edge.doctor.findings import listed, only

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


def found(config: Path = CONFIG, **properties: str) -> list[CheckResult]:
    """Return what is found where systemd says so of a unit that runs well otherwise."""
    answer = "\n".join(f"{name}={value}" for name, value in (RUNNING | properties).items())
    return listed(examine_unit(config, booted=Path("/"), ask=lambda unit: answer))


def test_a_service_that_runs_and_will_start_at_boot_is_ok() -> None:
    (finding,) = found()
    assert (finding.level, finding.subject) == (Level.OK, "emotiond.service")
    assert finding.text == "active (running)"


def test_where_systemd_does_not_run_nobody_is_asked(tmp_path: Path) -> None:
    def never(unit: str) -> str:
        raise AssertionError

    finding = only(examine_unit(CONFIG, booted=tmp_path / "none", ask=never))
    assert (finding.level, finding.text) == (Level.OK, "does not run here")


def test_of_a_config_of_no_unit_emotiond_service_is_looked_at() -> None:
    (finding,) = found(Path("/home/pi/emotiond.yaml"))
    assert finding.subject == "emotiond.service"


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
    (finding,) = found(CONFIG, **properties)
    assert finding.level is level
    assert words in str(finding)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"UnitFileState": "disabled"}, "does not start at boot: disabled; sudo systemctl enable"),
        ({"NRestarts": "3"}, "was started anew 3 times"),
        ({"NeedDaemonReload": "yes"}, "sudo systemctl daemon-reload"),
        ({"ProcSubset": "pid"}, "hides /proc/cpuinfo"),
    ],
)
def test_a_service_that_runs_may_still_call_for_care(
    properties: dict[str, str], words: str
) -> None:
    running, warning = found(CONFIG, **properties)
    assert (running.level, warning.level) == (Level.OK, Level.WARNING)
    assert words in str(warning)


def test_a_service_that_nobody_installed_is_ok_for_a_config_of_ones_own() -> None:
    (finding,) = found(Path("emotiond.yaml"), LoadState="not-found")
    assert finding.level is Level.OK


def test_a_systemd_that_cannot_be_asked_is_a_warning() -> None:
    def refuse(unit: str) -> str:
        raise OSError("systemctl: no answer")

    finding = only(examine_unit(CONFIG, booted=Path("/"), ask=refuse))
    assert finding.level is Level.WARNING
    assert "no answer" in finding.text


@pytest.mark.parametrize("script", ["exit 1", "exec sleep 9"])
def test_a_systemctl_that_fails_or_hangs_is_an_error_of_one_line(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("edge.doctor.unit.TIMEOUT", 0.2)
    with pytest.raises(OSError, match="systemctl: "):
        show("emotiond.service")
