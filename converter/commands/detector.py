"""Face detectors and their refiner: training, quantization and evaluation."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.commands.options import add_models, clear_forced, image_size, write_report
from converter.data import Dataset, Usage, open_dataset
from converter.detector import evaluate
from converter.detector.annotations import AnnotatedImage, of_split, read_annotations
from converter.recipes import DetectorRecipe, RefinerRecipe, load_recipe
from edge.commands.common import add_subcommand
from edge.detect.builtin import BuiltinSettings
from edge.errors import ConfigError

if TYPE_CHECKING:
    from converter.detector.refiner import Finder
    from converter.detector.samples import TrainingData

CLOSEUPS = 3000  # faces of `--faces` that a training takes
CROP_FACES = 1000  # those that the crops are fitted to


def add_commands(commands: Any) -> None:
    """Add the subcommands that train, convert and compare detectors."""
    run = "the folder that train-detector wrote"
    text = "train a face detector by a recipe"
    parser = add_subcommand(commands, "train-detector", _train_detector, text)
    _add_training(parser, "detector")

    text = "train the network that looks again at what a detector found"
    parser = add_subcommand(commands, "train-refiner", _train_refiner, text)
    _add_training(parser, "refiner")
    _add_detector(parser)

    text = "write int8 face detectors with cards, each verified first"
    parser = add_subcommand(commands, "quantize-detector", _quantize_detector, text)
    add = parser.add_argument
    add("training", type=Path, help=run)
    add("--refiner", type=Path, help="the .tflite of quantize-refiner; default: the shipped one")
    add("--faces", type=Path, required=True, help="faces cut close, to which its boxes are fitted")
    text = "of the images; may be given several times; default: 320x240 and 160x120"
    add("--size", type=image_size, action="append", metavar="WxH", help=text)
    _add_images(parser)
    add_models(parser, "face")

    text = "write the int8 network that looks again at what a detector found"
    parser = add_subcommand(commands, "quantize-refiner", _quantize_refiner, text)
    parser.add_argument("training", type=Path, help="the folder that train-refiner wrote")
    _add_detector(parser)
    _add_images(parser)
    add_models(parser, "refiner-48")

    text = "judge detectors by photographs with boxes: average precision, false faces, time"
    parser = add_subcommand(commands, "evaluate-detector", _evaluate_detector, text)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="photographs with boxes; its test split is used")
    text = (
        "a kind, or settings as in a config, '{kind: yunet, model: my.onnx}'; may be given "
        "several times; default: every detector at hand"
    )
    add("--detector", action="append", default=[], help=text)
    text = "what images are fitted into; faces are measured in 320x240 all the same, the default"
    add("--size", type=image_size, default=evaluate.REFERENCE_SIZE, metavar="WxH", help=text)
    add("--json", type=Path, help="file for the report")


def _add_training(parser: argparse.ArgumentParser, network: str) -> None:
    add = parser.add_argument
    add("recipe", type=Path, help=f"such as {network}, or a file, mine.yaml")
    add("--out", type=Path, required=True, help="folder for network and log")
    _add_images(parser)
    text = "YuNet's .onnx, which shows where eyes, nose and mouth are, and faces nobody marked"
    add("--teacher", type=Path, help=text)
    text = "faces cut close, such as fer2013.csv, to learn large ones from; needs --teacher"
    add("--faces", type=Path, help=text)
    add("--force", action="store_true", help="train anew what is finished")


def _add_images(parser: argparse.ArgumentParser) -> None:
    text = "photographs with boxes of both splits; may be given several times"
    parser.add_argument("--data", type=Path, action="append", required=True, help=text)


def _add_detector(parser: argparse.ArgumentParser) -> None:
    text = "the .tflite of quantize-detector; default: the shipped one"
    parser.add_argument("--detector", type=Path, help=text)


def _open_finder(path: Path | None) -> "Finder":
    """Return how a detector's .tflite finds candidates; None is the shipped one."""
    from converter.detector.refiner import MIN_CONFIDENCE

    return BuiltinSettings(model=path, min_confidence=MIN_CONFIDENCE).open().find_candidates


def _read_images(options: argparse.Namespace) -> list[AnnotatedImage]:
    return [one for path in options.data for one in read_annotations(path)]


def _train_detector(options: argparse.Namespace) -> None:
    from converter.detector.train import train_detector

    recipe = load_recipe(options.recipe, DetectorRecipe)
    data = _training_data(options, recipe.seed)
    print(f"wrote {train_detector(recipe, data, options.out)}")


def _train_refiner(options: argparse.Namespace) -> None:
    from converter.detector.refiner import train_refiner

    find = _open_finder(options.detector)
    recipe = load_recipe(options.recipe, RefinerRecipe)
    data = _training_data(options, recipe.seed)
    print(f"wrote {train_refiner(recipe, find, data, options.out)}")


def _training_data(options: argparse.Namespace, seed: int) -> "TrainingData":
    from converter.detector.samples import closeup_samples, open_teacher, prepare_data

    if options.faces and not options.teacher:
        raise ConfigError("--faces needs --teacher, which says where in their images they are")
    images = _read_images(options)
    teacher = open_teacher(options.teacher) if options.teacher else None
    closeups = []
    if options.faces and teacher:
        faces = _training_faces(options.faces).sample(CLOSEUPS, seed)
        closeups = list(closeup_samples(faces.pixels, teacher, seed))
    data = prepare_data(images, teacher, closeups)
    clear_forced(options, options.out)
    return data


def _training_faces(path: Path) -> Dataset:
    return open_dataset(path).split(Usage.TRAINING).without_non_faces()


def _quantize_detector(options: argparse.Namespace) -> None:
    from converter.detector.quantize import quantize_detector
    from converter.detector.train import load_run

    run = load_run(options.training)
    images = _read_images(options)
    faces = _training_faces(options.faces).sample(CROP_FACES, seed=0).pixels
    options.out.mkdir(parents=True, exist_ok=True)
    for size in options.size or [(320, 240), (160, 120)]:
        path = options.out / f"{options.name}-{size[0]}x{size[1]}.tflite"
        chosen = {"refiner": options.refiner, "force": options.force}
        card = quantize_detector(run, size, images, faces, path, **chosen)
        parts = f"{card.parameters} parameters, {card.multiply_adds / 1e6:.1f} M multiply-adds"
        print(f"{card.name}: {card.size} bytes, {parts}")
        for one in card.measured:
            shares = ", ".join(f"{ap:.3f} at {iou}" for iou, ap in one.average_precision.items())
            heights = ", ".join(f"{band} {share:.2f}" for band, share in one.by_height.items())
            print(f"  average precision {shares} ({heights}), {one.faces} faces, {one.data}")
            if one.faceless:
                found = f"{one.false_faces} false faces in {one.faceless} images without"
                print(f"  {found}, at confidence {card.min_confidence}")
        for speed in card.speed:
            print(f"  {speed.milliseconds:.3f} ms an image on {speed.runtime}, {speed.machine}")
        print(f"wrote {path} and its card")


def _quantize_refiner(options: argparse.Namespace) -> None:
    from converter.detector.quantize import quantize_refiner
    from converter.detector.train import load_network

    find = _open_finder(options.detector)
    network = load_network(options.training, "train-refiner")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.name}.tflite"
    card = quantize_refiner(network, find, _read_images(options), path, options.force)
    print(*card.measured, sep="\n")
    print(f"{card.speed[0].milliseconds:.3f} ms a face on {card.speed[0].runtime}")
    print(f"wrote {path} and its card")


def _evaluate_detector(options: argparse.Namespace) -> None:
    images = of_split(read_annotations(options.data), "test")
    variants = [evaluate.parse_variant(text) for text in options.detector]
    variants = variants or list(evaluate.available_variants(print))
    results = evaluate.evaluate_detectors(variants, images, options.size)
    report = evaluate.build_report(f"{options.data.name} test", results, images, options.size)
    print(evaluate.summarize(report))
    if options.json:
        write_report(options.json, report)
