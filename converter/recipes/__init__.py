"""Recipes: everything that decides how one model is trained, as a YAML file each."""

from pathlib import Path

import msgspec

from edge.errors import ConfigError


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Network and hyper-parameters of one training; shallow.yaml explains each."""

    network: str
    epochs: int
    batch_size: int
    learning_rate: float
    warmup_epochs: int
    weight_decay: float
    ema: float
    vote_weight: float
    mixup: float
    seed: int


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        ConfigError: it cannot be read, or a key is missing, unknown, or of the wrong type.
    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Recipe)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: {error}") from error
