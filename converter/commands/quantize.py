"""`emotiond-convert quantize`: write .tflite models with cards."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.commands.options import add_data, load_data
from edge.commands.common import add_subcommand
from edge.model_card import Accuracy


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "write .tflite models with cards, each verified first"
    parser = add_subcommand(commands, "quantize", _run, text)
    parser.add_argument("training", type=Path, help="the folder that train wrote")
    parser.add_argument("--name", default="shallow", help="of the models; default: %(default)s")
    add_target(parser, default="float32 and int8")
    parser.add_argument(
        "--head",
        choices=["logits", "votes"],
        default="logits",
        help="votes: the head that learnt FER+'s votes, its eight classes; default: %(default)s",
    )
    add_data(parser)


def _run(options: argparse.Namespace) -> None:
    quantization = needs("convert", "converter.quantize.quantize")
    data = load_data(options)
    export = needs("convert", "converter.quantize.trained_model").open_run(
        options.training, data.split("Training"), options.head
    )
    target = target_of(options, options.name, ["float32", "int8"])
    print_conversions(quantization.quantize(export, data, target), options.out)


def add_target(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the options that say which files to write, and where.

    Args:
        parser: of a subcommand.
        default: the precisions where none is given, in words.
    """
    parser.add_argument("--out", type=Path, required=True, help="folder for models and cards")
    parser.add_argument(
        "--precision",
        action="append",
        choices=["float32", "float16", "dynamic", "int8"],
        help=f"may be given several times; default: {default}",
    )
    parser.add_argument("--force", action="store_true", help="overwrite; take what is refused")


def target_of(options: argparse.Namespace, name: str, default: list[str]) -> Any:
    """Return the Target that `add_target`'s options name; its folder is made."""
    quantization = needs("convert", "converter.quantize.quantize")
    options.out.mkdir(parents=True, exist_ok=True)
    precisions = tuple(map(quantization.Precision, options.precision or default))
    return quantization.Target(options.out, name, precisions, options.force)


def print_conversions(conversions: Sequence[Any], directory: Path) -> None:
    """Print what was written, with its figures."""
    for conversion in conversions:
        card = conversion.card
        for accuracy in card.measured:
            _print_accuracy(card.name, accuracy)
        if conversion.agreement is not None:
            print(f"  agrees with the network on {conversion.agreement:.1%} of the faces")
        for speed in card.speed:
            print(f"  {speed.milliseconds:.3f} ms a face on {speed.runtime}, {speed.machine}")
        print(f"wrote {directory / card.name}.tflite, {card.size} bytes, and its card")


def _print_accuracy(name: str, accuracy: Accuracy) -> None:
    """Print one measurement in two lines."""
    low, high = accuracy.interval
    print(
        f"{name}: {accuracy.accuracy:.2%} ({low:.1%} to {high:.1%}) of {accuracy.data}, "
        f"{accuracy.rows} rows; calibration error {accuracy.calibration_error:.3f}"
    )
    recall = ", ".join(f"{label} {share:.0%}" for label, share in accuracy.recall.items())
    print(f"  recall: {recall}")
