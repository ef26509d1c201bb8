"""What a command prints, and shows on a terminal."""

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was printed, each line read as JSON."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def on_terminal(*arguments: object) -> tuple[bytes, str]:
    """Run a command with a terminal for what it says, and a pipe for what it prints.

    Returns:
        What it printed, and what the terminal showed.
    """
    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "edge", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=follower,
        check=True,
        timeout=60,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(follower)
    shown = os.read(leader, 100_000).decode(errors="replace")  # it may end within a letter
    os.close(leader)
    return done.stdout, shown
