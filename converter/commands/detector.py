"""Face detectors and their refiner: training, quantization and evaluation."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.options import clear_forced, image_size, require_extra, write_json
from converter.data import Dataset, Usage, open_dataset
from converter.detector.annotations import AnnotatedImage, Split, of_split, read_annotations
from converter.detector.evaluate import (
    REFERENCE_SIZE,
    available_variants,
    build_report,
    evaluate_detectors,
    parse_variant,
    summarize,
)
from converter.recipes import DetectorRecipe, RefinerRecipe, load_recipe
from edge.commands.common import add_subcommand
from edge.errors import ConfigError
from edge.model_card import DetectorCard

CLOSEUPS = 3000
"""Faces of `--faces` that a training takes: more would add little to so small a network."""

DETECTOR_RUN = "the folder that train-detector wrote"

CROP_FACES = 1000
"""Faces that the crops are fitted to, as `fit-crop` does."""


def add_commands(commands: Any) -> None:
    """Add the subcommands that train, convert and compare detectors."""
    text = "train a face detector by a recipe"
    parser = add_subcommand(commands, "train-detector", _train_detector, text)
    _add_training(parser, "detector")

    text = "train the network that looks again at what a detector found"
    parser = add_subcommand(commands, "train-refiner", _train_refiner, text)
    _add_training(parser, "refiner")
    parser.add_argument("--detector", type=Path, required=True, help=DETECTOR_RUN)

    text = "write int8 face detectors with cards, each verified first"
    parser = add_subcommand(commands, "quantize-detector", _quantize_detector, text)
    _add_quantization(parser, "detector", "face")
    parser.add_argument(
        "--refiner", type=Path, help="the .tflite of quantize-refiner; default: the shipped one"
    )
    parser.add_argument(
        "--faces",
        type=Path,
        required=True,
        help="faces cut close, such as fer2013.csv, that its boxes are fitted to",
    )
    parser.add_argument(
        "--size",
        type=image_size,
        action="append",
        metavar="WxH",
        help="of the images; may be given several times; default: 320x240 and 160x120",
    )

    text = "write the int8 network that looks again at what a detector found"
    parser = add_subcommand(commands, "quantize-refiner", _quantize_refiner, text)
    _add_quantization(parser, "refiner", "refiner-48")
    parser.add_argument("--detector", type=Path, required=True, help=DETECTOR_RUN)

    text = "judge detectors by photographs with boxes: average precision, false faces, time"
    parser = add_subcommand(commands, "evaluate-detector", _evaluate_detector, text)
    _add_evaluation(parser)


def _add_training(parser: argparse.ArgumentParser, network: str) -> None:
    parser.add_argument("recipe", type=Path, help=f"such as {network}, or a file, mine.yaml")
    parser.add_argument("--out", type=Path, required=True, help="folder for network and log")
    _add_images(parser)
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


def _add_quantization(parser: argparse.ArgumentParser, network: str, name: str) -> None:
    parser.add_argument("training", type=Path, help=f"the folder that train-{network} wrote")
    _add_images(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder for models and cards")
    parser.add_argument("--name", default=name, help="of the models; default: %(default)s")
    parser.add_argument("--force", action="store_true", help="overwrite; take what is refused")


def _add_evaluation(parser: argparse.ArgumentParser) -> None:
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
        help="what each image is fitted into to be searched; faces are measured in "
        "320x240 whatever is searched; default: 320x240",
    )
    parser.add_argument("--json", type=Path, help="file for the report")


def _add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="PATH",
        help="photographs with boxes of both splits, in a form of docs/datasets.md; may be given "
        "several times",
    )


def _read_images(options: argparse.Namespace) -> list[AnnotatedImage]:
    return [one for path in options.data for one in read_annotations(path)]


def _train_detector(options: argparse.Namespace) -> None:
    training = require_extra("convert", "converter.detector.train")
    recipe = load_recipe(options.recipe, DetectorRecipe)
    data = _training_data(options, recipe.seed)
    print(f"wrote {training.train_detector(recipe, data, options.out)}")


def _train_refiner(options: argparse.Namespace) -> None:
    training = require_extra("convert", "converter.detector.refiner")
    detector = require_extra("convert", "converter.detector.train").load_run(options.detector)
    recipe = load_recipe(options.recipe, RefinerRecipe)
    data = _training_data(options, recipe.seed)
    print(f"wrote {training.train_refiner(recipe, detector, data, options.out)}")


def _training_data(options: argparse.Namespace, seed: int) -> Any:
    """Return the `TrainingData` that the options name, once `--force` has made room.

    Raises:
        DataError: an image cannot be read, or there are too few.
        ConfigError: there are faces and no teacher, which says where in their images they are.
    """
    samples = require_extra("convert", "converter.detector.samples")
    if options.faces and not options.teacher:
        raise ConfigError("--faces needs --teacher, which says where in their images they are")
    images = _read_images(options)
    teacher = samples.open_teacher(options.teacher) if options.teacher else None
    closeups: list[Any] = []
    if options.faces:
        faces = _training_faces(options.faces).sample(CLOSEUPS, seed)
        closeups = list(samples.closeup_samples(faces.pixels, teacher, seed))
    data = samples.prepare_data(images, teacher, closeups)
    clear_forced(options)
    return data


def _training_faces(path: Path) -> Dataset:
    return open_dataset(path).split(Usage.TRAINING).without_non_faces()


def _quantize_detector(options: argparse.Namespace) -> None:
    quantizing = require_extra("convert", "converter.detector.quantize")
    run = require_extra("convert", "converter.detector.train").load_run(options.training)
    images = _read_images(options)
    faces = _training_faces(options.faces).sample(CROP_FACES, seed=0).pixels
    options.out.mkdir(parents=True, exist_ok=True)
    for size in options.size or [(320, 240), (160, 120)]:
        path = options.out / f"{options.name}-{size[0]}x{size[1]}.tflite"
        card = quantizing.quantize_detector(
            run, size, images, faces, path, refiner=options.refiner, force=options.force
        )
        _print_card(card)
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
                f"  {one.false_faces} false faces in {one.faceless} images without, "
                f"at confidence {card.min_confidence}"
            )
    for speed in card.speed:
        print(f"  {speed.milliseconds:.3f} ms an image on {speed.runtime}, {speed.machine}")


def _quantize_refiner(options: argparse.Namespace) -> None:
    quantizing = require_extra("convert", "converter.detector.quantize_refiner")
    training = require_extra("convert", "converter.detector.train")
    detector = training.load_run(options.detector).network
    network = training.load_network(options.training, "train-refiner")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.name}.tflite"
    card = quantizing.quantize_refiner(
        network, detector, _read_images(options), path, options.force
    )
    print(*card.measured, sep="\n")
    print(f"{card.speed[0].milliseconds:.3f} ms a face on {card.speed[0].runtime}")
    print(f"wrote {path} and its card")


def _evaluate_detector(options: argparse.Namespace) -> None:
    images = of_split(read_annotations(options.data), Split.TEST)
    asked: list[str] = options.detector or []
    variants = [parse_variant(text) for text in asked] or list(available_variants(print))
    results = evaluate_detectors(variants, images, options.size)
    report = build_report(f"{options.data.name} test", results, images, options.size)
    print(summarize(report))
    if options.json:
        write_json(options.json, report)
        print(f"wrote {options.json}")
