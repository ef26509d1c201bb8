"""`emotiond-convert`: the training machine's command line; `commands` holds what it can do."""

import argparse
import sys
from collections.abc import Sequence

from converter.commands import (
    convert,
    evaluate,
    evaluate_detector,
    fit_crop,
    inspect,
    quantize,
    quantize_detector,
    quantize_refiner,
    train,
    train_detector,
    train_refiner,
)
from edge import __version__
from edge.errors import EmotiondError, ExitCode

COMMANDS = (
    train,
    train_detector,
    train_refiner,
    quantize,
    quantize_detector,
    quantize_refiner,
    convert,
    evaluate,
    evaluate_detector,
    inspect,
    fit_crop,
)


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
    return int(ExitCode.OK)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotiond-convert", description="Trains and quantizes the models that emotiond runs."
    )
    parser.add_argument("--version", action="version", version=f"emotiond-convert {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser
