"""`emotiond-convert quantize`: write .tflite models with cards."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.commands.options import (
    add_command,
    add_data,
    load_data,
    print_accuracy,
)


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "write .tflite models with cards, each verified first"
    parser = add_command(commands, "quantize", _run, text)
    parser.add_argument("training", type=Path, help="the folder that train wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for models and cards")
    parser.add_argument("--name", default="shallow", help="of the models; default: %(default)s")
    parser.add_argument(
        "--precision",
        action="append",
        choices=["float32", "float16", "dynamic", "int8"],
        help="may be given several times; default: float32 and int8",
    )
    parser.add_argument(
        "--head",
        choices=["logits", "votes"],
        default="logits",
        help="votes: the head that learnt FER+'s votes, its eight classes; default: %(default)s",
    )
    parser.add_argument(
        "--fine-tune", action="store_true", help="let the network get used to int8 first"
    )
    parser.add_argument("--force", action="store_true", help="overwrite; take what is refused")
    add_data(parser)


def _run(options: argparse.Namespace) -> None:
    quantization = needs("convert", "converter.quantization.quantize")
    data = load_data(options)
    export = needs("convert", "converter.quantization.export").open_run(
        options.training, data.split("Training"), options.head
    )
    target = quantization.Target(
        options.out,
        options.name,
        tuple(map(quantization.Precision, options.precision or ["float32", "int8"])),
        force=options.force,
        fine_tune=options.fine_tune,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    print_conversions(quantization.quantize(export, data, target), options.out)


def print_conversions(conversions: Sequence[Any], directory: Path) -> None:
    """Print what was written, with its figures."""
    for conversion in conversions:
        card = conversion.card
        for accuracy in card.measured:
            print_accuracy(card.name, accuracy)
        if conversion.agreement is not None:
            print(f"  agrees with the network on {conversion.agreement:.1%} of the faces")
        for speed in card.speed:
            print(f"  {speed.milliseconds:.3f} ms a face on {speed.runtime}, {speed.machine}")
        print(f"wrote {directory / card.name}.tflite, {card.size} bytes, and its card")
