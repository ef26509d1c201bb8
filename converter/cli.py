"""`emotiond-convert`: the training machine's command line; its subcommands are in `commands`."""

import argparse
import sys
from collections.abc import Sequence

from converter.commands.classifier import add_convert, add_quantize, add_train
from converter.commands.detector import (
    add_evaluate_detector,
    add_quantize_detector,
    add_quantize_refiner,
    add_train_detector,
    add_train_refiner,
)
from converter.commands.evaluate import add_evaluate, add_fit_crop, add_inspect
from edge.errors import EmotiondError, ExitCode

COMMANDS = (
    add_train,
    add_train_detector,
    add_train_refiner,
    add_quantize,
    add_quantize_detector,
    add_quantize_refiner,
    add_convert,
    add_evaluate,
    add_evaluate_detector,
    add_inspect,
    add_fit_crop,
)
"""Each adds a subcommand, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="emotiond-convert", description="Trains and quantizes the models that emotiond runs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add_command in COMMANDS:
        add_command(commands)
    options = parser.parse_args(arguments)
    try:
        options.command(options)
    except EmotiondError as error:
        print(f"emotiond-convert: {error}", file=sys.stderr)
        return int(error.exit_code)
    except OSError as error:  # a folder that cannot be made, a disk that is full
        print(f"emotiond-convert: {error}", file=sys.stderr)
        return int(ExitCode.FAULT)
    return int(ExitCode.OK)
