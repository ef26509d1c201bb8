"""`emotiond demo`: the daemon on a built-in clip."""

import argparse
from typing import Any

from edge.commands.common import add_subcommand
from edge.commands.demo_run import run_demo
from edge.errors import ExitCode


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "show the daemon at work on a built-in clip, with a built-in broker"
    add_subcommand(commands, "demo", _run, text)


def _run(options: argparse.Namespace) -> ExitCode:
    return run_demo()
