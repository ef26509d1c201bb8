"""`emotiond-convert train`: train a network by a recipe."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from converter.commands.extras import needs
from converter.commands.options import add_data, load_data
from converter.data import Dataset
from converter.data.label_sets import LABEL_SETS
from converter.recipes import Recipe, load_recipe
from converter.train import run_dir
from edge.capture.images import SUFFIXES
from edge.commands.common import add_subcommand
from edge.errors import DataError


def add(commands: Any) -> None:
    """Add the subcommand."""
    parser = add_subcommand(commands, "train", _run, "train a network by a recipe")
    parser.add_argument("recipe", type=Path, help="such as converter/recipes/shallow.yaml")
    parser.add_argument("--out", type=Path, required=True, help="folder for network and log")
    parser.add_argument(
        "--label-set", choices=sorted(LABEL_SETS), help="classes; default: the recipe's"
    )
    parser.add_argument(
        "--negatives", type=Path, help="folder of photographs in which there is no face"
    )
    parser.add_argument("--force", action="store_true", help="train anew what is finished")
    add_data(parser)


def _run(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.recipe, Recipe)
    if options.label_set:
        recipe = msgspec.structs.replace(recipe, label_set=options.label_set)
    negatives = _pictures(options.negatives) if options.negatives else ()
    data = load_data(options)
    if options.force and options.out.exists():
        run_dir.remove_run_dir(options.out)
    print(f"wrote {_train(recipe, options.recipe, data, options.out, negatives)}")


def _train(
    recipe: Recipe, file: Path, data: Dataset, out: Path, negatives: tuple[Path, ...]
) -> Path:
    """Train what the recipe builds on, where it is not yet trained beside `out`; then its network.

    That is the network it starts from, and its teachers.
    """
    training = needs("convert", "converter.train.classifier")
    names = recipe.distillation.teachers if recipe.distillation else ()
    for name in (recipe.start, *names):
        if name and not run_dir.is_finished(out.parent / name):
            first_file = file.with_name(f"{name}.yaml")
            first = msgspec.structs.replace(
                load_recipe(first_file, Recipe), label_set=recipe.label_set
            )
            _train(first, first_file, data, out.parent / name, negatives)
    teachers = tuple(out.parent / name for name in names)
    model: Path = training.train(recipe, data, out, teachers, negatives)
    return model


def _pictures(folder: Path) -> tuple[Path, ...]:
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"{folder}: expected photographs, found none")
    return tuple(found)
