"""Expression models: `emotiond-convert train`."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from converter.commands.options import (
    add_data,
    clear_forced,
    load_data,
    require_extra,
)
from converter.data import Dataset
from converter.data.label_sets import LABEL_SETS
from converter.recipes import Recipe, load_recipe
from converter.train import run_dir
from edge.capture.images import SUFFIXES
from edge.commands.common import add_subcommand
from edge.errors import DataError


def add_train(commands: Any) -> None:
    """Add the subcommand that trains a network."""
    parser = add_subcommand(commands, "train", _train, "train a network by a recipe")
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


def _train(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.recipe, Recipe)
    if options.label_set:
        recipe = msgspec.structs.replace(recipe, label_set=options.label_set)
    negatives = _find_negatives(options.negatives) if options.negatives else ()
    data = load_data(options)
    clear_forced(options)
    print(f"wrote {_train_chain(recipe, options.recipe, data, options.out, negatives)}")


def _find_negatives(root: Path) -> tuple[Path, ...]:
    found = sorted(file for file in root.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"{root}: expected photographs, found none")
    return tuple(found)


def _train_chain(
    recipe: Recipe, file: Path, data: Dataset, out: Path, negatives: tuple[Path, ...]
) -> Path:
    """Train what the recipe builds on, where it is not yet trained beside `out`; then its network.

    That is the network it starts from, and its teachers.
    """
    training = require_extra("convert", "converter.train.classifier")
    teachers = recipe.distillation.teachers if recipe.distillation else ()
    for name in (recipe.start, *teachers):
        if name and not run_dir.is_finished(out.parent / name):
            first_file = file.with_name(f"{name}.yaml")
            first = msgspec.structs.replace(
                load_recipe(first_file, Recipe), label_set=recipe.label_set
            )
            _train_chain(first, first_file, data, out.parent / name, negatives)
    folders = tuple(out.parent / name for name in teachers)
    model: Path = training.train(recipe, data, out, folders, negatives)
    return model
