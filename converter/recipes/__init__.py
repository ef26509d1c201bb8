"""Recipes: everything that decides how one model is trained, as a YAML file each."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.errors import ConfigError


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Network and hyper-parameters of one training; shallow.yaml explains each."""

    network: Literal["shallow"]
    epochs: Annotated[int, msgspec.Meta(ge=1)]
    batch_size: Annotated[int, msgspec.Meta(ge=1)]
    learning_rate: Annotated[float, msgspec.Meta(gt=0)]
    warmup_epochs: Annotated[int, msgspec.Meta(ge=0)]
    weight_decay: Annotated[float, msgspec.Meta(ge=0)]
    ema: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    vote_weight: Annotated[float, msgspec.Meta(ge=0, le=1)]
    mixup: Annotated[float, msgspec.Meta(ge=0)]
    seed: Annotated[int, msgspec.Meta(ge=0)]

    def __post_init__(self) -> None:
        if self.warmup_epochs >= self.epochs:
            raise ValueError("Expected `warmup_epochs` below `epochs`")


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
