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
    options = _parser().parse_args(arguments)
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
        prog="emotiond-convert", description="Trains and quantises the models that emotiond runs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser
