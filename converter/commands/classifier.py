"""Expression models: `emotiond-convert quantize` and `convert`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from converter.commands.options import add_data, load_data, names, require_extra
from edge.commands.common import add_subcommand, count
from edge.errors import ConfigError
from edge.model_card import Accuracy


def add_quantize(commands: Any) -> None:
    """Add the subcommand that converts a trained network."""
    text = "write .tflite models with cards, each verified first"
    parser = add_subcommand(commands, "quantize", _quantize, text)
    parser.add_argument("training", type=Path, help="the folder that train wrote")
    parser.add_argument("--name", default="shallow", help="of the models; default: %(default)s")
    _add_target(parser, default="float32 and int8")
    parser.add_argument(
        "--head",
        choices=["logits", "votes"],
        default="logits",
        help="votes: the head that learnt FER+'s votes, its eight classes; default: %(default)s",
    )
    add_data(parser)


def add_convert(commands: Any) -> None:
    """Add the subcommand that converts a Keras model trained elsewhere."""
    text = "make a Keras model of your own into one the daemon runs"
    parser = add_subcommand(commands, "convert", _convert, text)
    parser.add_argument("model", type=Path, help=".keras, .h5, or .json with --weights")
    parser.add_argument("--weights", type=Path, help="the .h5 that belongs to a .json")
    parser.add_argument("--labels", help="its classes in the order of its output: angry,happy,...")
    parser.add_argument("--input", metavar="RANGE", help="of its pictures: 0..1, -1..1 or 0..255")
    parser.add_argument("--size", type=count, help="side of its pictures, where it takes any")
    parser.add_argument("--name", help="of the models; default: the file's")
    _add_target(parser, default="float32, and int8 where there is --data")
    add_data(parser, required=False)


def _quantize(options: argparse.Namespace) -> None:
    quantization = require_extra("convert", "converter.quantize.quantize")
    trained_model = require_extra("convert", "converter.quantize.trained_model")
    data = load_data(options)
    model = trained_model.load_run(options.training, data.split("Training"), options.head)
    target = _target(options, options.name, ["float32", "int8"])
    print_results(quantization.quantize(model, data, target), options.out)


def _convert(options: argparse.Namespace) -> None:
    quantization = require_extra("convert", "converter.quantize.quantize")
    keras_import = require_extra("convert", "converter.quantize.keras_import")
    weights = options.weights
    if weights is None and options.model.suffix == ".json":
        weights = Path(_ask("--weights", "The .h5 with its weights"))
    network = keras_import.load_keras(options.model, weights)
    description = _describe(options, network, keras_import)
    model = keras_import.wrap_for_export(network, options.model, description)
    data = load_data(options) if options.data else None
    target = _target(
        options,
        options.name or options.model.stem,
        ["float32", "int8"] if data else ["float32"],
    )
    print_results(quantization.quantize(model, data, target), options.out)


def _describe(options: argparse.Namespace, network: Any, keras_import: Any) -> Any:
    """Return the ModelDescription that the options give; ask for what they do not."""
    text = options.labels or _ask("--labels", "Its classes, in the order of its output")
    labels = names(text)
    if not (len(labels) > 1 and len(set(labels)) == len(labels) and all(labels)):
        raise ConfigError(f"--labels: expected names such as angry,happy,sad, found {text!r}")
    entry = options.input or _ask("--input", "Its pictures' values: 0..1, -1..1 or 0..255")
    ranges = [one.value for one in keras_import.InputRange]
    if entry not in ranges:
        raise ConfigError(f"--input: expected one of {', '.join(ranges)}, found {entry!r}")
    size = options.size
    if size is None and keras_import.takes_any_size(network):
        size = count(_ask("--size", "The width and height of its pictures, such as 48"))
    return keras_import.ModelDescription(labels, keras_import.InputRange(entry), size)


def _ask(option: str, question: str) -> str:
    """Ask for an option that was not given, where there is somebody to ask.

    Raises:
        ConfigError: there is nobody.
    """
    if not sys.stdin.isatty():
        raise ConfigError(f"{option} is needed. {question}")
    return input(f"{question}: ").strip()


def _add_target(parser: argparse.ArgumentParser, default: str) -> None:
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


def _target(options: argparse.Namespace, name: str, default: list[str]) -> Any:
    """Return the Target that `_add_target`'s options name; its folder is made."""
    quantization = require_extra("convert", "converter.quantize.quantize")
    options.out.mkdir(parents=True, exist_ok=True)
    precisions = tuple(map(quantization.Precision, options.precision or default))
    return quantization.Target(options.out, name, precisions, options.force)


def print_results(results: Sequence[Any], directory: Path) -> None:
    """Print what was written, with its metrics."""
    for result in results:
        card = result.card
        for accuracy in card.measured:
            _print_accuracy(card.name, accuracy)
        if result.agreement is not None:
            print(f"  agrees with the network on {result.agreement:.1%} of the faces")
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
