"""`emotiond-convert`: the training machine's command line; its subcommands are in `commands`."""

import argparse
import sys
from collections.abc import Sequence

from converter.commands import convert, detector, evaluate, train
from edge import __version__
from edge.cli import INTERRUPTED, ArgumentParser
from edge.errors import EmotiondError, ExitCode


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if "command" not in options:
        parser.print_help()
        return int(ExitCode.USAGE)
    try:
        options.command(options)
    except EmotiondError as error:
        print(f"emotiond-convert: {error}", file=sys.stderr)
        return int(error.exit_code)
    except OSError as error:  # a folder that cannot be made, a disk that is full
        print(f"emotiond-convert: {error}", file=sys.stderr)
        return int(ExitCode.FAULT)
    except KeyboardInterrupt as interrupt:  # of a training, it says how to go on
        print(f"emotiond-convert: {interrupt or 'stopped'}", file=sys.stderr)
        return INTERRUPTED
    return int(ExitCode.OK)


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="emotiond-convert", description="Trains and quantizes the models that emotiond runs."
    )
    parser.add_argument("--version", action="version", version=f"emotiond-convert {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for module in (train, convert, evaluate, detector):
        module.add_commands(commands)
    return parser
