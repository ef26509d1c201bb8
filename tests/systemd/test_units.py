"""The units, judged by systemd itself; tests/system runs them."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.errors import ExitCode
from tests.conftest import ROOT

PLACE = ROOT / "systemd"
UNIT = PLACE / "emotiond.service"
TEMPLATE = PLACE / "emotiond@.service"
BACKOFF, BACKOFF_252 = PLACE / "backoff.conf", PLACE / "backoff-252.conf"
PROGRAM = "/opt/emotiond/current/bin/emotiond"
EXPOSURE = 15
"""At most 1.5 on the scale from 0 to 10; systemd-analyze takes it in tenths."""

both = pytest.mark.parametrize("unit", [UNIT, TEMPLATE], ids=lambda unit: unit.name)


def analyze(*arguments: str) -> str:
    """What systemd-analyze says; it must not fail."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine: it is in Debian's package systemd")
    done = subprocess.run(
        ["systemd-analyze", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def version() -> int:
    """Of the systemd on this machine."""
    return int(analyze("--version").split()[1])


def copy(unit: Path, place: Path) -> Path:
    """The program is not installed here, and any that is will do."""
    text = unit.read_text()
    assert PROGRAM in text
    copied = place / unit.name
    copied.write_text(text.replace(PROGRAM, "/bin/true"))
    return copied


def setting(name: str) -> str:
    """What the unit's section Service says; of what it says twice, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(UNIT)
    return parser["Service"][name]


@both
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    assert analyze("verify", "--man=no", str(copy(unit, tmp_path))) == ""


@both
def test_little_is_exposed(unit: Path) -> None:
    analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", str(unit))


def test_systemd_finds_nothing_wrong_with_the_growing_delay(tmp_path: Path) -> None:
    unit = copy(UNIT, tmp_path)
    drop_ins = tmp_path / f"{unit.name}.d"
    drop_ins.mkdir()
    shutil.copy(BACKOFF if version() >= 254 else BACKOFF_252, drop_ins)
    assert analyze("verify", "--man=no", str(unit)) == ""


def test_an_instance_differs_in_its_name_its_config_and_its_state_alone() -> None:
    text = UNIT.read_text()
    text = text.replace("over MQTT\n", "over MQTT (%i)\n")
    text = text.replace("/etc/emotiond/emotiond.yaml\n", "/etc/emotiond/%i.yaml\n")
    text = text.replace("StateDirectory=emotiond\n", "StateDirectory=emotiond-%i\n")
    assert text == TEMPLATE.read_text()


def test_what_trying_again_cannot_mend_is_not_tried_again() -> None:
    hopeless = setting("RestartPreventExitStatus").split()
    assert hopeless == [str(int(code)) for code in (ExitCode.USAGE, ExitCode.CONFIG)]


def test_systemd_waits_longer_than_the_daemon_takes_to_end() -> None:
    assert int(setting("TimeoutStopSec")) > 2 * 8


def test_the_daemon_says_what_hangs_before_systemd_ends_it() -> None:
    assert int(setting("WatchdogSec")) > 15
