"""`emotiond-convert train-refiner`: train the refinement network of a detector by a recipe."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.commands.train_detector import add_training_data, read_training_data
from converter.recipes import RefinerRecipe, load_recipe
from converter.train import run_dir
from edge.commands.common import add_subcommand


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "train the network that looks again at what a detector found"
    parser = add_subcommand(commands, "train-refiner", _run, text)
    parser.add_argument("recipe", type=Path, help="such as converter/recipes/refiner.yaml")
    parser.add_argument(
        "--detector", type=Path, required=True, help="the folder that train-detector wrote"
    )
    add_training_data(parser)


def _run(options: argparse.Namespace) -> None:
    training = needs("convert", "converter.detector.refiner")
    detector = needs("convert", "converter.detector.train").load_run(options.detector)
    recipe = load_recipe(options.recipe, RefinerRecipe)
    data = read_training_data(options, recipe.seed)
    if options.force and options.out.exists():
        run_dir.remove_run_dir(options.out)
    print(f"wrote {training.train_refiner(recipe, detector, data, options.out)}")
