"""Face detectors and their refiner: training, quantization and evaluation."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.options import clear_forced, image_size, require_extra, write_json
from converter.data import Usage, open_dataset
from converter.detector.annotations import AnnotatedImage, Split, of_split, read_annotations
from converter.detector.evaluate import (
    REFERENCE_SIZE,
    DetectorVariant,
    available_variants,
    evaluate_detectors,
    parse_variant,
)
from converter.detector.report import build_report, plot_report, summarize
from converter.detector.samples import TrainingSample, closeup_samples, open_teacher
from converter.recipes import DetectorRecipe, RefinerRecipe, load_recipe
from edge.commands.common import add_subcommand
from edge.detect import Detector
from edge.errors import ConfigError
from edge.model_card import DetectorCard

CLOSEUPS = 3000
"""Faces of `--faces` that a training takes: more would add little to so small a network."""

CROP_FACES = 1000
"""Faces that the crops are fitted to, as `fit-crop` does."""


def add_train_detector(commands: Any) -> None:
    """Add the subcommand that trains a detector."""
    text = "train a face detector by a recipe"
    parser = add_subcommand(commands, "train-detector", _train_detector, text)
    parser.add_argument("recipe", type=Path, help="such as converter/recipes/detector.yaml")
    _add_training_data(parser)


def add_train_refiner(commands: Any) -> None:
    """Add the subcommand that trains the refinement network of a detector."""
    text = "train the network that looks again at what a detector found"
    parser = add_subcommand(commands, "train-refiner", _train_refiner, text)
    parser.add_argument("recipe", type=Path, help="such as converter/recipes/refiner.yaml")
    _add_detector_run(parser)
    _add_training_data(parser)


def add_quantize_detector(commands: Any) -> None:
    """Add the subcommand that converts a trained detector."""
    text = "write int8 face detectors with cards, each verified first"
    parser = add_subcommand(commands, "quantize-detector", _quantize_detector, text)
    parser.add_argument("training", type=Path, help="the folder that train-detector wrote")
    _add_images(parser, "of both splits")
    parser.add_argument(
        "--refiner", type=Path, help="the .tflite of quantize-refiner; default: the shipped one"
    )
    parser.add_argument(
        "--faces",
        type=Path,
        required=True,
        help="faces cut close, such as fer2013.csv, that its boxes are fitted to",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for models and cards")
    parser.add_argument("--name", default="face", help="of the models; default: %(default)s")
    parser.add_argument(
        "--size",
        type=image_size,
        action="append",
        metavar="WxH",
        help="of the pictures; may be given several times; default: 320x240 and 160x120",
    )
    parser.add_argument("--force", action="store_true", help="overwrite; take what is refused")


def add_quantize_refiner(commands: Any) -> None:
    """Add the subcommand that converts a trained refinement network."""
    text = "write the int8 network that looks again at what a detector found"
    parser = add_subcommand(commands, "quantize-refiner", _quantize_refiner, text)
    parser.add_argument("training", type=Path, help="the folder that train-refiner wrote")
    _add_detector_run(parser)
    _add_images(parser, "of both splits")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model and its card")
    parser.add_argument("--name", default="refiner-32", help="of the model; default: %(default)s")
    parser.add_argument("--force", action="store_true", help="overwrite")


def add_evaluate_detector(commands: Any) -> None:
    """Add the subcommand that compares detectors."""
    text = "judge detectors by photographs with boxes: average precision, false faces, time"
    parser = add_subcommand(commands, "evaluate-detector", _evaluate_detector, text)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="photographs with boxes of faces; its test split is used",
    )
    parser.add_argument(
        "--detector",
        action="append",
        help="a kind, or settings as in a config, '{kind: yunet, model: my.onnx}'; may be given "
        "several times; default: every detector at hand",
    )
    parser.add_argument(
        "--size",
        type=image_size,
        default=REFERENCE_SIZE,
        metavar="WxH",
        help="what each picture is fitted into to be searched; faces are measured in "
        "320x240 whatever is searched; default: 320x240",
    )
    parser.add_argument("--json", type=Path, help="file for the report")
    parser.add_argument("--picture", type=_png, help="file for the curves, .png")
    parser.add_argument("--markdown", action="store_true", help="print the tables as markdown")


# Options and their types.


def _add_images(parser: argparse.ArgumentParser, which: str) -> None:
    """Add the option that names photographs with boxes."""
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="PATH",
        help=f"photographs with boxes, {which}; may be given several times",
    )


def _read_images(options: argparse.Namespace) -> list[AnnotatedImage]:
    return [one for path in options.data for one in read_annotations(path)]


def _add_detector_run(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the detector whose finds are refined."""
    parser.add_argument(
        "--detector", type=Path, required=True, help="the folder that train-detector wrote"
    )


def _add_training_data(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to learn from, and where the network goes."""
    parser.add_argument("--out", type=Path, required=True, help="folder for network and log")
    _add_images(parser, "in a form of docs/datasets.md")
    parser.add_argument(
        "--teacher",
        type=Path,
        help="YuNet's .onnx, which shows where eyes, nose and mouth are, and faces nobody marked",
    )
    parser.add_argument(
        "--faces",
        type=Path,
        help="faces cut close, such as fer2013.csv, to learn large ones from; needs --teacher",
    )
    parser.add_argument("--force", action="store_true", help="train anew what is finished")


def _png(text: str) -> Path:
    """Parse the path of an image file."""
    if Path(text).suffix == ".png":
        return Path(text)
    raise argparse.ArgumentTypeError(f"expected a file that ends in .png, found {text!r}")


# What the subcommands do.


def _train_detector(options: argparse.Namespace) -> None:
    training = require_extra("convert", "converter.detector.train")
    recipe = load_recipe(options.recipe, DetectorRecipe)
    data = _training_data(options, recipe.seed)
    clear_forced(options)
    print(f"wrote {training.train_detector(recipe, data, options.out)}")


def _train_refiner(options: argparse.Namespace) -> None:
    training = require_extra("convert", "converter.detector.refiner")
    detector = require_extra("convert", "converter.detector.train").load_run(options.detector)
    recipe = load_recipe(options.recipe, RefinerRecipe)
    data = _training_data(options, recipe.seed)
    clear_forced(options)
    print(f"wrote {training.train_refiner(recipe, detector, data, options.out)}")


def _training_data(options: argparse.Namespace, seed: int) -> Any:
    """Return the `TrainingData` that the options of `_add_training_data` name.

    Raises:
        DataError: an image cannot be read, or there are too few.
        ConfigError: there are faces and no teacher.
    """
    training = require_extra("convert", "converter.detector.train")
    images = _read_images(options)
    teacher = open_teacher(options.teacher) if options.teacher else None
    closeups = _closeups(options.faces, teacher, seed) if options.faces else []
    return training.prepare_data(images, teacher, closeups)


def _closeups(path: Path, teacher: Detector | None, seed: int) -> list[TrainingSample]:
    """Return some Training faces as the teacher sees them."""
    if teacher is None:
        raise ConfigError("--faces needs --teacher, which says where in their pictures they are")
    faces = open_dataset(path).split(Usage.TRAINING).without_non_faces().sample(CLOSEUPS, seed)
    return list(closeup_samples(faces.pixels, teacher, seed))


def _quantize_detector(options: argparse.Namespace) -> None:
    quantizing = require_extra("convert", "converter.detector.quantize")
    run = require_extra("convert", "converter.detector.train").load_run(options.training)
    faces = open_dataset(options.faces).split(Usage.TRAINING).without_non_faces()
    data = quantizing.EvaluationData(
        _read_images(options),
        faces.sample(CROP_FACES, seed=0).pixels,
        refiner=options.refiner,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    for width, height in options.size or [(320, 240), (160, 120)]:
        path = options.out / f"{options.name}-{width}x{height}.tflite"
        _print_card(quantizing.quantize_detector(run, (width, height), data, path, options.force))
        print(f"wrote {path} and its card")


def _print_card(card: DetectorCard) -> None:
    """Print what was measured."""
    print(
        f"{card.name}: {card.size} bytes, {card.parameters} parameters, "
        f"{card.multiply_adds / 1e6:.1f} M multiply-adds"
    )
    for one in card.measured:
        shares = ", ".join(f"{share:.3f} at {iou}" for iou, share in one.average_precision.items())
        heights = ", ".join(f"{band} {share:.2f}" for band, share in one.by_height.items())
        print(f"  average precision {shares} ({heights}), {one.faces} faces, {one.data}")
        if one.faceless:
            print(
                f"  {one.false_faces} false faces in {one.faceless} pictures without, "
                f"at confidence {card.min_confidence}"
            )
    for speed in card.speed:
        print(f"  {speed.milliseconds:.3f} ms a picture on {speed.runtime}, {speed.machine}")


def _quantize_refiner(options: argparse.Namespace) -> None:
    refiner = require_extra("convert", "converter.detector.refiner")
    detector = require_extra("convert", "converter.detector.train").load_run(options.detector)
    network = refiner.open_refiner(options.training)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.name}.tflite"
    card = refiner.quantize_refiner(
        network, detector.network, _read_images(options), path, options.force
    )
    for line in card.measured:
        print(line)
    print(f"{card.speed[0].milliseconds:.3f} ms a face on {card.speed[0].runtime}")
    print(f"wrote {path} and its card")


def _evaluate_detector(options: argparse.Namespace) -> None:
    if options.picture:
        require_extra("evaluate", "converter.evaluate.plots")  # before the work of minutes
    images = of_split(read_annotations(options.data), Split.TEST)
    results = evaluate_detectors(_variants(options.detector), images, options.size)
    report = build_report(f"{options.data.name} test", results, images, options.size)
    print(summarize(report, options.markdown))
    if options.json:
        write_json(options.json, report)
        print(f"wrote {options.json}")
    if options.picture:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        plot_report(report, options.picture)
        print(f"wrote {options.picture}")


def _variants(texts: list[str] | None) -> list[DetectorVariant]:
    """Return the detectors that the options name, or all that can be opened."""
    return [parse_variant(text) for text in texts] if texts else list(available_variants(print))
