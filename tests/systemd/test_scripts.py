"""What `install` and `uninstall` say before they touch anything; tests/system has them work."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

INSTALL = ROOT / "systemd" / "install"
UNINSTALL = ROOT / "systemd" / "uninstall"
STEPS = ROOT / "systemd" / "steps"
NOBODY = 65534

both = pytest.mark.parametrize("script", [INSTALL, UNINSTALL], ids=lambda script: script.name)


def run(script: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a script as a user who may change nothing, and perhaps not even read this checkout."""
    text, count = re.subn(
        r'^\. "\$.*/steps"$', lambda _: STEPS.read_text(), script.read_text(), flags=re.M
    )
    assert count == 1
    return subprocess.run(
        ["bash", "-s", "--", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=NOBODY if os.getuid() == 0 else None,
    )


@both
def test_help_tells_each_option(script: Path) -> None:
    done = run(script, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: sudo systemd/{script.name}")
    option = {INSTALL: "--with-broker", UNINSTALL: "--purge"}[script]
    assert f"\n  {option} " in done.stdout


@both
def test_an_option_that_is_unknown_is_wrong_use(script: Path) -> None:
    done = run(script, "--with-brocker")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ")


@both
def test_whoever_is_not_root_is_told_how_to_be(script: Path) -> None:
    done = run(script)
    assert (done.returncode, done.stdout) == (1, "")
    remedy = f"expected to run as root, found [a-z0-9_-]+; run: sudo systemd/{script.name}"
    assert re.fullmatch(f"{script.name}: {remedy}\n", done.stderr)


@both
def test_the_scripts_can_be_run_as_they_are(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
