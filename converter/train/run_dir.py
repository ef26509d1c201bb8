"""Folder of a training run: its files by name, and how a run claims it."""

import json
from pathlib import Path
from typing import Any

import msgspec

from converter.recipes import AnyRecipe, BaseRecipe
from edge.errors import ConfigError, ModelError

MODEL = "model.keras"
RECIPE = "recipe.json"
LOG = "log.csv"
CURVES = "curves.png"
NEGATIVES = "negatives.txt"  # names of the images that taught the output `face`, if any did
CHECKPOINT = "checkpoint.weights.h5"  # after the last whole epoch, until the training is finished
RETIRED_KEYS = {"color", "cutmix", "erased", "optimizer", "rare", "vote_weight"}  # in old recipes


def prepare_run_dir(directory: Path, recipe: BaseRecipe) -> None:
    """Make the folder this training's own; a ConfigError where it holds another or finished one."""
    directory.mkdir(parents=True, exist_ok=True)
    written = directory / RECIPE
    if written.exists() and not was_trained_by(directory, recipe):
        raise ConfigError(f"{directory}: holds a training by another recipe; choose another --out")
    if is_finished(directory):
        raise ConfigError(f"{directory}: holds a finished training; --force trains it anew")
    written.write_bytes(msgspec.json.encode(recipe))


def was_trained_by(directory: Path, recipe: BaseRecipe) -> bool:
    """Tell whether the training in `directory` is by this very recipe."""
    try:
        return read_recipe(directory, type(recipe)) == recipe
    except ValueError:
        return False


def is_finished(directory: Path) -> bool:
    """Tell whether a training in `directory` ran to its end."""
    return (directory / MODEL).exists() and not (directory / CHECKPOINT).exists()


def epochs_done(directory: Path) -> int:
    """Return how many epochs of an unfinished training in `directory` are behind it."""
    if not (directory / CHECKPOINT).exists() or not (directory / LOG).exists():
        return 0
    return len((directory / LOG).read_text().splitlines()) - 1


def write_network(network: Any, path: Path) -> None:
    """Write a network so that a kill leaves the old file or the new, never half of one."""
    partial = path.with_name("partial.keras")
    network.save(partial)
    partial.replace(path)


def load_network(path: Path) -> Any:
    """Return the Keras network in a file; a ModelError where it cannot be read."""
    import keras

    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = f"cannot be read as a Keras network ({error})"
        raise ModelError(f"{path}: {reason}; train it anew") from error


def read_recipe(directory: Path, kind: type[AnyRecipe]) -> AnyRecipe:
    """Return what the network in `directory` was trained by; OSError or ValueError if nothing."""
    known = json.loads(
        (directory / RECIPE).read_bytes(),
        object_hook=lambda keys: {key: keys[key] for key in keys.keys() - RETIRED_KEYS},
    )
    return msgspec.convert(known, kind)
