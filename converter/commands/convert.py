"""Models for the daemon: `emotiond-convert quantize` and `convert`."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from converter.commands.options import add_data, load_data, require_extra
from converter.data import EXPRESSIONS, Dataset, Usage
from converter.data.label_sets import LabelProtocol, LabelSet, Selection, select_rows
from edge.commands.common import add_subcommand, count
from edge.errors import ConfigError, ModelError
from edge.model_card import Accuracy


def add_commands(commands: Any) -> None:
    """Add the subcommands that convert a trained network, and a model trained elsewhere."""
    text = "write .tflite models with cards, each verified first"
    parser = add_subcommand(commands, "quantize", _quantize, text)
    parser.add_argument("training", type=Path, help="the folder that train wrote")
    parser.add_argument("--name", default="shallow", help="of the models; default: %(default)s")
    parser.add_argument("--out", type=Path, required=True, help="folder for models and cards")
    _add_target(parser, default="float32 and int8")
    parser.add_argument(
        "--head",
        choices=["logits", "votes"],
        default="logits",
        help="votes: the head that learned FER+'s votes, its eight classes; default: %(default)s",
    )
    add_data(parser)
    text = "make a Keras or TFLite model of your own into one the daemon runs"
    parser = add_subcommand(commands, "convert", _convert, text)
    parser.add_argument("model", type=Path, help=".keras, .h5, .json with --weights, or .tflite")
    parser.add_argument("--weights", type=Path, help="the .h5 that belongs to a .json")
    parser.add_argument("--labels", help="its classes in the order of its output: angry,happy,...")
    parser.add_argument("--input", metavar="RANGE", help="of its images: 0..1, -1..1 or 0..255")
    parser.add_argument(
        "--mean",
        help="that was subtracted from values in that range (0..255 if not said): a number, one "
        "for each channel, or an .npy with one for each pixel",
    )
    parser.add_argument("--std", help="by which they were divided after that")
    parser.add_argument("--size", type=count, help="side of its images, where it takes any")
    parser.add_argument("--name", help="of the models; default: the file's")
    parser.add_argument("--out", type=Path, help="folder for models and cards; default: its own")
    _add_target(parser, default="float32, and int8 where there is --data; not for a .tflite")
    add_data(parser, required=False)


def _add_target(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the options that say what to write; `default` names the precisions in words."""
    parser.add_argument(
        "--precision",
        action="append",
        choices=["float32", "float16", "dynamic", "int8"],
        help=f"may be given several times; default: {default}",
    )
    parser.add_argument("--force", action="store_true", help="overwrite; take what is refused")


def _quantize(options: argparse.Namespace) -> None:
    trained_model = require_extra("convert", "converter.quantize.trained_model")
    data = load_data(options)
    model = trained_model.load_run(options.training, data.split("Training"), options.head)
    precisions = options.precision or ["float32", "int8"]
    write_models(model, data, options.out, options.name, precisions, force=options.force)


def _convert(options: argparse.Namespace) -> None:
    if options.out is None:
        options.out = options.model.parent
    convert = _convert_tflite if options.model.suffix == ".tflite" else _convert_keras
    convert(options)


def _convert_keras(options: argparse.Namespace) -> None:
    keras_import = require_extra("convert", "converter.quantize.keras_import")
    path, weights = options.model, options.weights
    keras_import.refuse_other_forms(path)
    if weights is None and path.suffix == ".json":
        weights = Path(_ask("--weights", "The .h5 with its weights"))
    network = keras_import.load_keras(path, weights)
    description = _describe(options, keras_import.takes_any_size(network))
    model = keras_import.wrap_for_export(network, path, description)
    answer = partial(keras_import.answers, network, path)
    data, _ = _checked_data(options, description, answer)
    precisions = options.precision or (["float32", "int8"] if data else ["float32"])
    write_models(
        model, data, options.out, options.name or path.stem, precisions, force=options.force
    )


def _convert_tflite(options: argparse.Namespace) -> None:
    tflite_import = require_extra("convert", "converter.quantize.tflite_import")
    path = options.model
    if options.precision or options.size or options.weights:
        raise ConfigError(
            "--precision, --size, --weights: expected with a Keras model, found with a .tflite, "
            "which stays as it is; leave them out"
        )
    tflite_import.refuse_other_forms(path)
    description = _describe(options, takes_any_size=False)
    tflite_import.open_tflite(path, description)  # tells what is wrong before data is read
    answer = partial(tflite_import.answers, path)
    _, rows = _checked_data(options, description, answer)
    options.out.mkdir(parents=True, exist_ok=True)
    target = options.out / f"{options.name or path.stem}.tflite"
    result = tflite_import.import_tflite(path, description, rows, target, options.force)
    _print_results([result], options.out)


def _describe(options: argparse.Namespace, takes_any_size: bool) -> Any:
    """Return the ModelDescription that the options give; ask for what they do not."""
    description = require_extra("convert", "converter.quantize.description")
    labels = description.parse_labels(
        options.labels or _ask("--labels", "Its classes, in the order of its output")
    )
    strange = [label for label in labels if label not in EXPRESSIONS]
    if strange:
        print(
            f"--labels: {', '.join(strange)}: not among {', '.join(EXPRESSIONS)}; kept as given, "
            "and not measured"
        )
    entry = options.input or ("0..255" if options.mean or options.std else None)
    entry = entry or _ask("--input", "Its images' values: 0..1, -1..1 or 0..255")
    scaling = description.parse_scaling(entry, options.mean, options.std)
    size = options.size
    if size is None and takes_any_size:
        size = count(_ask("--size", "The width and height of its images, such as 48"))
    return description.ModelDescription(labels, scaling, size)


def _checked_data(
    options: argparse.Namespace, description: Any, answer: Any
) -> tuple[Dataset | None, Selection | None]:
    """Return the faces of `--data` and those to measure on, None where there are none.

    Raises:
        ModelError: they show that the description is wrong, and that is not forced.
    """
    if not options.data:
        return None, None
    data = load_data(options)
    if not set(description.labels) & set(EXPRESSIONS):
        return data, None
    rows = select_rows(data, Usage.PUBLIC_TEST, LabelProtocol.LABELS, LabelSet(description.labels))
    if not options.force:
        check = require_extra("convert", "converter.quantize.description").check_by_measuring
        check(options.model, description, rows, answer)
    return data, rows


def _ask(option: str, question: str) -> str:
    """Ask for an option that was not given, where there is somebody to ask.

    Raises:
        ConfigError: there is nobody.
    """
    if not sys.stdin.isatty():
        raise ConfigError(f"{option} is needed. {question}")
    return input(f"{question}: ").strip()


def write_models(
    model: Any,
    data: Dataset | None,
    out: Path,
    name: str,
    precisions: Sequence[str],
    *,
    force: bool,
) -> None:
    """Write a TrainedModel in some precisions into a folder, verified; print the metrics.

    By force existing files are written over, and what verification refuses is written.

    Raises:
        ModelError: one or more were refused; the others are written.
    """
    quantization = require_extra("convert", "converter.quantize.quantize")
    out.mkdir(parents=True, exist_ok=True)
    wanted = tuple(map(quantization.Precision, precisions))
    results = quantization.quantize(model, data, out, name, wanted, force=force)
    _print_results([one for one in results if force or not one.problems], out)
    problems = [text for one in results for text in one.problems]
    if problems and not force:
        raise ModelError(
            f"{'; '.join(problems)}; not written: --precision dynamic keeps float activations, "
            "--force writes it all the same"
        )


def _print_results(results: Sequence[Any], directory: Path) -> None:
    """Print what was written, with its metrics."""
    for result in results:
        card = result.card
        for accuracy in card.measured:
            _print_accuracy(card.name, accuracy)
        if result.agreement is not None:
            print(f"  agrees with the network on {result.agreement:.1%} of the faces")
        for speed in card.speed:
            print(f"  {speed.milliseconds:.3f} ms a face on {speed.runtime}, {speed.machine}")
        if result.note:
            print(f"  {result.note}")
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
