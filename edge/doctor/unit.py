"""systemd: whether the service runs, will run after a boot, and how it has fared."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.doctor.result import CheckResult, Level
from edge.paths import systemd_unit_for

BOOTED = Path("/run/systemd/system")
"""It is there where systemd is the first process (sd_booted(3))."""

PROPERTIES = (
    *("LoadState", "UnitFileState", "ActiveState", "SubState", "Result", "ExecMainStatus"),
    *("NRestarts", "NeedDaemonReload", "ProcSubset"),
)
"""What is asked (org.freedesktop.systemd1(5))."""

TIMEOUT = 10.0
"""Seconds; a systemd that does not answer is a finding."""

STARTS = frozenset({"enabled", "enabled-runtime", "static", "linked", "generated"})
"""Unit files that are not forgotten at the next boot."""

Ask = Callable[[str], str]


def show(unit: str) -> str:
    """Ask systemd of a unit; return a line `name=value` of each property.

    Raises:
        OSError: it cannot be asked, or does not answer.
    """
    command = ["systemctl", "show", unit, f"--property={','.join(PROPERTIES)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    except subprocess.SubprocessError as error:
        raise OSError(f"systemctl: {error}") from error
    return done.stdout


def examine_unit(config: Path, booted: Path = BOOTED, ask: Ask = show) -> Iterator[CheckResult]:
    """Look at the unit that runs a config; of any other config, at emotiond.service.

    Args:
        config: the file.
        booted: is there where systemd runs.
        ask: asks systemd of a unit.
    """
    if not booted.exists():
        yield CheckResult(Level.OK, "systemd", "does not run here")
        return
    unit = systemd_unit_for(config)
    subject = unit or "emotiond.service"
    try:
        found = parse(ask(subject))
    except OSError as error:
        text = f"cannot be asked: {error}"
        yield CheckResult(Level.WARNING, "systemd", text, f"try `systemctl status {subject}`")
        return
    yield from _examine(subject, found, expected=unit is not None)


def parse(text: str) -> dict[str, str]:
    """Read the lines of `systemctl show`."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _examine(unit: str, found: dict[str, str], expected: bool) -> Iterator[CheckResult]:
    match found.get("LoadState"):
        case "loaded":
            yield _examine_activity(unit, found)
            yield from _examine_care(unit, found)
        case "not-found" if not expected:
            yield CheckResult(Level.OK, unit, "is not installed; the daemon is not run by systemd")
        case "not-found":
            yield CheckResult(Level.FAILURE, unit, "is not installed", "sudo systemd/install")
        case "masked":
            yield CheckResult(Level.FAILURE, unit, "is masked", f"sudo systemctl unmask {unit}")
        case state:
            remedy = f"read `systemctl status {unit}`, and run sudo systemd/install again"
            yield CheckResult(Level.FAILURE, unit, f"cannot be loaded: {state}", remedy)


def _examine_activity(unit: str, found: dict[str, str]) -> CheckResult:
    """Say whether it runs; a config that cannot work ends it for good, with 78."""
    activity = f"{found.get('ActiveState')} ({found.get('SubState')})"
    result = f"{found.get('Result')}, status {found.get('ExecMainStatus')}"
    journal = f"read `journalctl -u {unit} -n 50`"
    match found.get("ActiveState"):
        case "active" | "reloading":
            return CheckResult(Level.OK, unit, activity)
        case "inactive":
            return CheckResult(Level.WARNING, unit, activity, f"sudo systemctl start {unit}")
        case "activating" if found.get("SubState") != "auto-restart":
            return CheckResult(Level.WARNING, unit, f"{activity}: no frame has come yet", journal)
    return CheckResult(Level.FAILURE, unit, f"{activity}: {result}", journal)


def _examine_care(unit: str, found: dict[str, str]) -> Iterator[CheckResult]:
    """Warn of what will be missed later."""
    if found.get("UnitFileState") not in STARTS:
        text = f"does not start at boot: {found.get('UnitFileState')}"
        yield CheckResult(Level.WARNING, unit, text, f"sudo systemctl enable {unit}")
    if found.get("NRestarts", "0") != "0":
        text = f"was started anew {found['NRestarts']} times after it failed"
        yield CheckResult(Level.WARNING, unit, text, f"read `journalctl -u {unit}` for the reasons")
    if found.get("NeedDaemonReload") == "yes":
        remedy = f"sudo systemctl daemon-reload && sudo systemctl restart {unit}"
        yield CheckResult(Level.WARNING, unit, "its file was changed, and is not in force", remedy)
    if found.get("ProcSubset") == "pid":
        text = "ProcSubset=pid hides /proc/cpuinfo; models take hundreds of times as long"
        yield CheckResult(Level.WARNING, unit, text, "set ProcSubset=all")
