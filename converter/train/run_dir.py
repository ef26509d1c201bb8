"""The folder of a training run: its files by name, and how a run claims it."""

import shutil
from pathlib import Path
from typing import Any

import msgspec

from converter.recipes import AnyRecipe, BaseRecipe
from edge.errors import ConfigError

MODEL = "model.keras"
RECIPE = "recipe.json"
LOG = "log.csv"
CURVES = "curves.png"

NEGATIVES = "negatives.txt"
"""Names of the images that taught the output `face`; absent where there were none."""

CHECKPOINT = "checkpoint.weights.h5"
"""The state after the last whole epoch, only until the training is finished."""


def prepare_run_dir(directory: Path, recipe: BaseRecipe) -> None:
    """Make the folder this training's own.

    Raises:
        ConfigError: it holds another training, or one that is finished.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = directory / RECIPE
    encoded = msgspec.json.encode(recipe)
    if written.exists() and written.read_bytes() != encoded:
        raise ConfigError(f"{directory}: holds a training by another recipe; choose another --out")
    if is_finished(directory):
        raise ConfigError(f"{directory}: holds a finished training; --force trains it anew")
    written.write_bytes(encoded)


def is_finished(directory: Path) -> bool:
    """Tell whether a training in `directory` ran to its end."""
    return (directory / MODEL).exists() and not (directory / CHECKPOINT).exists()


def remove_run_dir(directory: Path) -> None:
    """Delete a training; any other folder was named by mistake.

    Raises:
        ConfigError: there is something else in it.
    """
    if any(directory.iterdir()) and not (directory / RECIPE).exists():
        raise ConfigError(f"{directory}: holds no training, so --force leaves it alone")
    shutil.rmtree(directory)


def write_network(network: Any, path: Path) -> None:
    """Write a network so that a kill leaves the old file or the new, never half of one."""
    partial = path.with_name("partial.keras")
    network.save(partial)
    partial.replace(path)


def read_recipe(directory: Path, kind: type[AnyRecipe]) -> AnyRecipe:
    """Return what the network in `directory` was trained by.

    Raises:
        OSError: there is no recipe.
        ValueError: it is none of this kind.
    """
    return msgspec.json.decode((directory / RECIPE).read_bytes(), type=kind)
