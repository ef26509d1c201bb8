"""Models for the daemon: `emotiond-convert quantize` and `convert`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.commands.options import add_data, add_models, load_data
from converter.data import EXPRESSIONS, Dataset, Usage
from converter.data.label_sets import LabelSet, Selection, select_rows
from edge.commands.common import add_subcommand, count
from edge.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from converter.quantize.quantize import ConversionResult
    from converter.quantize.trained_model import ModelDescription, TrainedModel


def add_commands(commands: Any) -> None:
    """Add the subcommands that convert a trained network, and a model trained elsewhere."""
    text = "write .tflite models with cards, each verified first"
    parser = add_subcommand(commands, "quantize", _quantize, text)
    add = parser.add_argument
    add("training", type=Path, help="the folder that train wrote")
    text = "votes: the head that learned FER+'s votes, its eight classes; default: %(default)s"
    add("--head", choices=["logits", "votes"], default="logits", help=text)
    _add_precision(parser, default="float32 and int8")
    add_models(parser, "shallow")
    add_data(parser)

    text = "make a Keras or TFLite model of your own into one the daemon runs"
    parser = add_subcommand(commands, "convert", _convert, text)
    add = parser.add_argument
    add("model", type=Path, help=".keras, .h5, .json with --weights, or .tflite")
    add("--weights", type=Path, help="the .h5 that belongs to a .json")
    add("--labels", help="its classes in the order of its output: angry,happy,...")
    add("--input", metavar="RANGE", help="of its images: 0..1, -1..1 or 0..255")
    text = "subtracted from values in that range (0..255 if not said): one number, one for each"
    add("--mean", help=f"{text} channel, or an .npy with one for each pixel")
    add("--std", help="by which they were divided after that")
    add("--size", type=count, help="side of its images, where it takes any")
    add("--name", help="of the models; default: the file's")
    add("--out", type=Path, help="folder for models and cards; default: its own")
    add("--force", action="store_true", help="overwrite; take what is refused")
    _add_precision(parser, default="float32, and int8 where there is --data; not for a .tflite")
    add_data(parser, required=False)


def _add_precision(parser: argparse.ArgumentParser, default: str) -> None:
    choices, text = ["float32", "float16", "dynamic", "int8"], "may be given several times; default"
    parser.add_argument("--precision", action="append", choices=choices, help=f"{text}: {default}")


def _quantize(options: argparse.Namespace) -> None:
    from converter.quantize.trained_model import load_run

    data = load_data(options)
    model = load_run(options.training, data.split("Training"), options.head)
    precisions = options.precision or ["float32", "int8"]
    write_models(model, data, options.out, options.name, precisions, force=options.force)


def _convert(options: argparse.Namespace) -> None:
    from converter.quantize import model_import

    path, weights = options.model, options.weights
    name, out = options.name or path.stem, options.out or path.parent
    model_import.refuse_other_forms(path)
    if path.suffix == ".tflite":
        if options.precision or options.size or weights:
            found = "found with a .tflite, which stays as it is; leave them out"
            raise ConfigError(f"--precision, --size, --weights: expected of a Keras model, {found}")
        description = _describe(options, takes_any_size=False)
        model_import.open_tflite(path, description)  # tells what is wrong before data is read
        _, rows = _checked_data(options, description, partial(model_import.tflite_answers, path))
        out.mkdir(parents=True, exist_ok=True)
        target = out / f"{name}.tflite"
        result = model_import.import_tflite(path, description, rows, target, options.force)
        _print_results([result], out)
        return
    if weights is None and path.suffix == ".json":
        weights = Path(_ask("--weights", "The .h5 with its weights"))
    network = model_import.load_keras(path, weights)
    description = _describe(options, model_import.takes_any_size(network))
    model = model_import.wrap_for_export(network, path, description)
    answer = partial(model_import.keras_answers, network, path)
    data, _ = _checked_data(options, description, answer)
    precisions = options.precision or (["float32", "int8"] if data else ["float32"])
    write_models(model, data, out, name, precisions, force=options.force)


def _describe(options: argparse.Namespace, takes_any_size: bool) -> "ModelDescription":
    """Return what the options say of the model; ask for what they do not."""
    from converter.quantize import trained_model

    text = options.labels or _ask("--labels", "Its classes, in the order of its output")
    labels = trained_model.parse_labels(text)
    if strange := [label for label in labels if label not in EXPRESSIONS]:
        known = f"not among {', '.join(EXPRESSIONS)}; kept as given, and not measured"
        print(f"--labels: {', '.join(strange)}: {known}")
    entry = options.input or ("0..255" if options.mean or options.std else None)
    entry = entry or _ask("--input", "Its images' values: 0..1, -1..1 or 0..255")
    scaling = trained_model.parse_scaling(entry, options.mean, options.std)
    size = options.size
    if size is None and takes_any_size:
        size = count(_ask("--size", "The width and height of its images, such as 48"))
    return trained_model.ModelDescription(labels, scaling, size)


def _checked_data(
    options: argparse.Namespace, description: "ModelDescription", answer: Callable[..., Any]
) -> tuple[Dataset | None, Selection | None]:
    """Return the faces of `--data` and those to measure on; ModelError as `check_by_measuring`."""
    from converter.quantize.trained_model import check_by_measuring

    data = load_data(options) if options.data else None
    if data is None or not set(description.labels) & set(EXPRESSIONS):
        return data, None
    rows = select_rows(data, Usage.PUBLIC_TEST, "labels", LabelSet(description.labels))
    if not options.force:
        check_by_measuring(options.model, description, rows, answer)
    return data, rows


def _ask(option: str, question: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigError(f"{option} is needed. {question}")
    return input(f"{question}: ").strip()


def write_models(
    model: "TrainedModel",
    data: Dataset | None,
    out: Path,
    name: str,
    precisions: Sequence[str],
    *,
    force: bool,
) -> None:
    """Write models as `quantize`, and print their metrics; ModelError where any is refused."""
    from converter.quantize.quantize import quantize
    from converter.quantize.tflite import Precision

    out.mkdir(parents=True, exist_ok=True)
    results = quantize(model, data, out, name, tuple(map(Precision, precisions)), force=force)
    _print_results([one for one in results if force or not one.problems], out)
    problems = [text for one in results for text in one.problems]
    if problems and not force:
        remedy = "--precision dynamic keeps float activations, --force writes it all the same"
        raise ModelError(f"{'; '.join(problems)}; not written: {remedy}")


def _print_results(results: Sequence["ConversionResult"], directory: Path) -> None:
    for card, agreement, _ in results:
        for one in card.measured:
            low, high = one.interval
            rows = f"{one.data}, {one.rows} rows; calibration error {one.calibration_error:.3f}"
            print(f"{card.name}: {one.accuracy:.2%} ({low:.1%} to {high:.1%}) of {rows}")
            recall = (f"{label} {share:.0%}" for label, share in one.recall.items())
            print(f"  recall: {', '.join(recall)}")
        if agreement is not None:
            print(f"  agrees with the network on {agreement:.1%} of the faces")
        for speed in card.speed:
            print(f"  {speed.milliseconds:.3f} ms a face on {speed.runtime}, {speed.machine}")
        print(f"wrote {directory / card.name}.tflite, {card.size} bytes, and its card")
