"""`emotiond run`: be the daemon."""

import argparse
from typing import Any

from edge.commands.options import add_config
from edge.commands.subcommand import add_command
from edge.errors import ExitCode
from edge.service import daemon


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "watch the source of the config and publish events"
    add_config(add_command(commands, "run", _run, text))


def _run(options: argparse.Namespace) -> ExitCode:
    return daemon.run(options.config)
