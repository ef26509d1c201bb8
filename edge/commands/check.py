"""`emotiond check`: say whether a config can work."""

import argparse
from typing import Any

from edge.assembly import build_pipeline
from edge.commands.options import add_config
from edge.commands.subcommand import add_command
from edge.config import load_config
from edge.errors import ExitCode


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "say whether a config and its model are sound; touch no camera"
    add_config(add_command(commands, "check", _run, text))


def _run(options: argparse.Namespace) -> ExitCode:
    config = load_config(options.config)
    pipeline = build_pipeline(config)
    print(
        f"{options.config}: sound; it uses the model {config.classifier.model.name} "
        f"and the detector {pipeline.detector}"
    )
    return ExitCode.OK
