"""`emotiond-convert convert`: make a Keras model of one's own into one the daemon runs."""

import argparse
import sys
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.commands.options import add_data, load_data, names
from converter.commands.quantize import add_target, print_conversions, target_of
from edge.commands.common import add_subcommand, count
from edge.errors import ConfigError


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "make a Keras model of your own into one the daemon runs"
    parser = add_subcommand(commands, "convert", _run, text)
    parser.add_argument("model", type=Path, help=".keras, .h5, or .json with --weights")
    parser.add_argument("--weights", type=Path, help="the .h5 that belongs to a .json")
    parser.add_argument("--labels", help="its classes in the order of its output: angry,happy,...")
    parser.add_argument("--input", metavar="RANGE", help="of its pictures: 0..1, -1..1 or 0..255")
    parser.add_argument("--size", type=count, help="side of its pictures, where it takes any")
    parser.add_argument("--name", help="of the models; default: the file's")
    add_target(parser, default="float32, and int8 where there is --data")
    add_data(parser, required=False)


def _run(options: argparse.Namespace) -> None:
    user_model = needs("convert", "converter.quantize.keras_import")
    quantization = needs("convert", "converter.quantize.quantize")
    weights = options.weights
    if weights is None and options.model.suffix == ".json":
        weights = Path(_ask("--weights", "The .h5 with its weights"))
    model = user_model.load_keras(options.model, weights)
    export = user_model.export_of(model, options.model, _describe(options, model, user_model))
    data = load_data(options) if options.data else None
    default = ["float32", "int8"] if data else ["float32"]
    target = target_of(options, options.name or options.model.stem, default)
    print_conversions(quantization.quantize(export, data, target), options.out)


def _describe(options: argparse.Namespace, model: Any, user_model: Any) -> Any:
    labels = _labels(options.labels or _ask("--labels", "Its classes, in the order of its output"))
    entry = options.input or _ask("--input", "Its pictures' values: 0..1, -1..1 or 0..255")
    ranges = [one.value for one in user_model.InputRange]
    if entry not in ranges:
        raise ConfigError(f"--input: expected one of {', '.join(ranges)}, found {entry!r}")
    size = options.size
    if size is None and user_model.takes_any_size(model):
        size = count(_ask("--size", "The width and height of its pictures, such as 48"))
    return user_model.Description(labels, user_model.InputRange(entry), size)


def _labels(text: str) -> tuple[str, ...]:
    labels = names(text)
    if len(labels) > 1 and len(set(labels)) == len(labels) and all(labels):
        return labels
    raise ConfigError(f"--labels: expected names such as angry,happy,sad, found {text!r}")


def _ask(option: str, question: str) -> str:
    """Ask for an option that was not given, where there is somebody to ask.

    Raises:
        ConfigError: there is nobody.
    """
    if not sys.stdin.isatty():
        raise ConfigError(f"{option} is needed. {question}")
    return input(f"{question}: ").strip()
