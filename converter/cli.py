"""`emotiond-convert`: one short function a subcommand."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from edge.errors import ConfigError, EmotiondError, ExitCode
from edge.infer.card import Accuracy

# TensorFlow takes seconds to load and lives in an extra, so each command imports what it needs.


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

    train = _add(commands, "train", _train, "train a network by a recipe")
    train.add_argument("recipe", type=Path, help="such as converter/recipes/shallow.yaml")
    train.add_argument("--out", type=Path, required=True, help="folder for network and log")

    quantize = _add(commands, "quantize", _quantize, "write float32 and int8 TFLite with cards")
    quantize.add_argument("training", type=Path, help="the folder that train wrote")
    quantize.add_argument("--out", type=Path, required=True, help="folder for models and cards")
    quantize.add_argument("--name", default="shallow", help="of the models; default: %(default)s")

    evaluate = _add(commands, "evaluate", _evaluate, "measure a .tflite; needs no TensorFlow")
    evaluate.add_argument("model", type=Path, help="the .tflite, its card beside it")
    evaluate.add_argument("--usage", default="PublicTest", help="split; default: %(default)s")

    fit = _add(commands, "fit-crop", _fit_crop, "fit a detector's boxes to the training framing")
    fit.add_argument("--faces", type=_count, default=1000, help="how many; default: %(default)s")

    clip = _add(commands, "make-clip", _make_clip, "make the built-in clip of average faces")
    clip.add_argument("--out", type=Path, required=True, help="the .mp4 to write")
    return parser


def _count(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a count above 0, found {text!r}")


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Callable[[argparse.Namespace], None],
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--data", type=Path, required=True, help="Kaggle's fer2013.csv")
    parser.add_argument("--votes", type=Path, help="FER+'s fer2013new.csv")
    parser.set_defaults(command=command)
    return parser


def _train(options: argparse.Namespace) -> None:
    from converter.datasets import load_fer2013
    from converter.recipes import load_recipe

    recipe = load_recipe(options.recipe)
    train = _needs_tensorflow("converter.training").train
    print(f"wrote {train(recipe, load_fer2013(options.data, options.votes), options.out)}")


def _quantize(options: argparse.Namespace) -> None:
    from converter.datasets import load_fer2013

    quantization = _needs_tensorflow("converter.quantization")
    trained = quantization.load_trained(options.training)
    data = load_fer2013(options.data, options.votes)
    options.out.mkdir(parents=True, exist_ok=True)
    for card in quantization.quantize(trained, data, options.out, options.name):
        for accuracy in card.measured:
            _print_accuracy(card.name, accuracy)


def _evaluate(options: argparse.Namespace) -> None:
    from converter.datasets import load_fer2013
    from converter.evaluation import measure_with_and_without_copies
    from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier

    classifier = open_classifier(ClassifierSettings(ModelPath(options.model)))
    data = load_fer2013(options.data, options.votes)
    test = data.split(options.usage)
    probabilities = classifier.classify(list(test.pixels))
    for accuracy in measure_with_and_without_copies(test, data.split("Training"), probabilities):
        _print_accuracy(classifier.card.name, accuracy)


def _fit_crop(options: argparse.Namespace) -> None:
    import numpy as np

    from converter.crop_fit import fit_crop
    from converter.datasets import load_fer2013
    from edge.detect import HaarSettings, open_detector

    faces = load_fer2013(options.data, options.votes).split("Training").faces()
    chosen = np.random.default_rng(0).permutation(len(faces))[: options.faces]
    detector = open_detector(HaarSettings())
    report = fit_crop(detector, faces.pixels[chosen], seed=0)
    print(f"{detector.name}: {report.fit}")
    print(f"found {report.found} of {report.tried}; mean IoU of the squares {report.iou:.3f}")


def _make_clip(options: argparse.Namespace) -> None:
    from converter.clip import write_clip
    from converter.datasets import load_fer2013

    write_clip(load_fer2013(options.data, options.votes), options.out)
    print(f"wrote {options.out}, {options.out.stat().st_size} bytes")


def _needs_tensorflow(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"training needs TensorFlow ({error}); pip install 'emotiond[convert]'"
        ) from error


def _print_accuracy(name: str, accuracy: Accuracy) -> None:
    low, high = accuracy.interval
    print(
        f"{name}: {accuracy.accuracy:.2%} ({low:.1%} to {high:.1%}) of {accuracy.data}, "
        f"{accuracy.rows} rows; calibration error {accuracy.calibration_error:.3f}"
    )
    recall = ", ".join(f"{label} {share:.0%}" for label, share in accuracy.recall.items())
    print(f"  recall: {recall}")
