"""How a subcommand is added, to `emotiond` and to `emotiond-convert`."""

import argparse
from collections.abc import Callable
from typing import Any


def add_subcommand(
    commands: Any, name: str, run: Callable[[argparse.Namespace], object], text: str
) -> argparse.ArgumentParser:
    """Add a subcommand that calls `run` with its options."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=run)
    return parser
