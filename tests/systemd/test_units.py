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
INSTANCE = PLACE / "instance.conf"
BACKOFF, BACKOFF_252 = PLACE / "backoff.conf", PLACE / "backoff-252.conf"
PROGRAM = "/opt/emotiond/current/bin/emotiond"
EXPOSURE = 15
"""At most 1.5 on the scale from 0 to 10; systemd-analyze takes it in tenths."""

both = pytest.mark.parametrize("name", ["emotiond.service", "emotiond@.service"])


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


def install(name: str, place: Path) -> Path:
    """Install a unit as `systemd/install` does. The program is not here, and any that is will do."""
    text = UNIT.read_text()
    assert PROGRAM in text
    unit = place / name
    unit.write_text(text.replace(PROGRAM, "/bin/true"))
    if "@" in name:
        drop_in = place / f"{name}.d" / INSTANCE.name
        drop_in.parent.mkdir()
        drop_in.write_text(INSTANCE.read_text().replace(PROGRAM, "/bin/true"))
    return unit


def setting(name: str, *files: Path) -> str:
    """What the section Service of the unit and its drop-ins says; of what it says twice, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read((UNIT, *files))
    return parser["Service"][name]


@both
def test_systemd_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    assert analyze("verify", "--man=no", str(install(name, tmp_path))) == ""


@both
def test_little_is_exposed(name: str, tmp_path: Path) -> None:
    unit = str(install(name, tmp_path))
    analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", unit)


def test_systemd_finds_nothing_wrong_with_the_growing_delay(tmp_path: Path) -> None:
    unit = install(UNIT.name, tmp_path)
    drop_ins = tmp_path / f"{unit.name}.d"
    drop_ins.mkdir()
    shutil.copy(BACKOFF if version() >= 254 else BACKOFF_252, drop_ins)
    assert analyze("verify", "--man=no", str(unit)) == ""


def test_an_instance_has_a_config_and_directories_of_its_own() -> None:
    for name in ("ExecStart", "StateDirectory", "RuntimeDirectory"):
        common, own = setting(name), setting(name, INSTANCE)
        assert own.replace("%i.yaml", "emotiond.yaml").replace("-%i", "") == common
        assert "%i" in own
        assert f"\n{name}=\n{name}=" in INSTANCE.read_text(), "it takes the place of the other"


@pytest.mark.parametrize("name", ["LimitNOFILE", "MemoryMax", "OOMPolicy"])
def test_what_the_service_may_take_is_bounded_with_a_reason(name: str) -> None:
    assert setting(name)
    before = UNIT.read_text().partition(f"\n{name}=")[0].splitlines()[-1]
    assert before.startswith("# ")


def test_what_trying_again_cannot_mend_is_not_tried_again() -> None:
    hopeless = setting("RestartPreventExitStatus").split()
    assert hopeless == [str(int(code)) for code in (ExitCode.USAGE, ExitCode.CONFIG)]


def test_systemd_waits_longer_than_the_daemon_takes_to_end() -> None:
    assert int(setting("TimeoutStopSec")) > 2 * 8


def test_the_daemon_says_what_hangs_before_systemd_ends_it() -> None:
    assert int(setting("WatchdogSec")) > 15
