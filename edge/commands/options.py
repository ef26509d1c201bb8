"""Options that several subcommands share."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.assets import asset
from edge.capture import SourceSettings
from edge.collect.place import parse_source
from edge.config import Config
from edge.errors import ExitCode


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], ExitCode], text: str
) -> argparse.ArgumentParser:
    """Add a subcommand that calls `run` with its options."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=run)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the config."""
    default = asset("config") / "emotiond.yaml"
    parser.add_argument(
        "--config", type=Path, default=default, help="YAML file; default: %(default)s"
    )


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the option that names what is watched."""
    parser.add_argument(
        "--source", help="camera, address, film or folder of pictures; default: the config's"
    )


def chosen_source(options: argparse.Namespace, config: Config) -> SourceSettings:
    """Return the source that `add_source`'s option names, else the config's."""
    return parse_source(options.source) if options.source else config.source
