"""`emotiond-convert train-detector`: train a face detector by a recipe."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.data import Usage, open_dataset
from converter.detector.annotations import read_annotations
from converter.detector.samples import TrainingSample, closeup_samples, open_teacher
from converter.recipes import DetectorRecipe, load_recipe
from converter.train import run_dir
from edge.commands.common import add_subcommand
from edge.detect import Detector
from edge.errors import ConfigError

CLOSEUPS = 3000
"""Faces of `--faces` that are asked for: more would add little to so small a network."""


def add(commands: Any) -> None:
    """Add the subcommand."""
    parser = add_subcommand(commands, "train-detector", _run, "train a face detector by a recipe")
    parser.add_argument("recipe", type=Path, help="such as converter/recipes/detector.yaml")
    add_training_data(parser)


def add_training_data(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to learn from, and where the network goes."""
    parser.add_argument("--out", type=Path, required=True, help="folder for network and log")
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="PATH",
        help="photographs with boxes, in a form of docs/datasets.md; may be given several times",
    )
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


def _run(options: argparse.Namespace) -> None:
    training = needs("convert", "converter.detector.train")
    recipe = load_recipe(options.recipe, DetectorRecipe)
    data = read_training_data(options, recipe.seed)
    if options.force and options.out.exists():
        run_dir.remove_run_dir(options.out)
    print(f"wrote {training.train_detector(recipe, data, options.out)}")


def read_training_data(options: argparse.Namespace, seed: int) -> Any:
    """Return the `TrainingData` that the options of `add_training_data` name.

    Raises:
        DataError: a photograph cannot be read, or there are too few.
        ConfigError: there are faces and no teacher.
    """
    training = needs("convert", "converter.detector.train")
    images = [one for path in options.data for one in read_annotations(path)]
    teacher = open_teacher(options.teacher) if options.teacher else None
    closeups = _closeups(options.faces, teacher, seed) if options.faces else []
    return training.prepare_data(images, teacher, closeups)


def _closeups(path: Path, teacher: Detector | None, seed: int) -> list[TrainingSample]:
    """Return some Training faces as the teacher sees them."""
    if teacher is None:
        raise ConfigError("--faces needs --teacher, which says where in their pictures they are")
    faces = open_dataset(path).split(Usage.TRAINING).faces().drawn(CLOSEUPS, seed)
    return list(closeup_samples(faces.pixels, teacher, seed))
