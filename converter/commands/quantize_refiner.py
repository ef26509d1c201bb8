"""`emotiond-convert quantize-refiner`: write the int8 refinement network with its card."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.commands.quantize_detector import add_photographs, read_photographs
from edge.commands.common import add_subcommand


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "write the int8 network that looks again at what a detector found"
    parser = add_subcommand(commands, "quantize-refiner", _run, text)
    parser.add_argument("training", type=Path, help="the folder that train-refiner wrote")
    parser.add_argument(
        "--detector", type=Path, required=True, help="the folder that train-detector wrote"
    )
    add_photographs(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder for the model and its card")
    parser.add_argument("--name", default="refiner-32", help="of the model; default: %(default)s")
    parser.add_argument("--force", action="store_true", help="overwrite")


def _run(options: argparse.Namespace) -> None:
    refiner = needs("convert", "converter.detector.refiner")
    detector = needs("convert", "converter.detector.train").load_run(options.detector)
    network = needs("convert", "converter.detector.refiner").open_refiner(options.training)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.name}.tflite"
    card = refiner.quantize_refiner(
        network, detector.network, read_photographs(options), path, options.force
    )
    for line in card.measured:
        print(line)
    print(f"{card.speed[0].milliseconds:.3f} ms a face on {card.speed[0].runtime}")
    print(f"wrote {path} and its card")
