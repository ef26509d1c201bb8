"""Recipes: everything that decides how one model is trained, as a YAML file each."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from converter.data.label_sets import LabelSetName
from edge.errors import ConfigError

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Augmentation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far each training face is varied.

    Attributes:
        smallest, largest: range of the scale.
        turn: degrees either way.
        shift: share of the side, either way, along both axes.
        contrast: natural logarithm of the largest change.
        brightness: grey values either way.
        erased: share of the faces of which a patch is covered.
        spoilt: share of the faces that are blurred, noisy, dark or compressed as a webcam's are.
        rare: how many times as far the faces of rare classes are varied.
    """

    smallest: Positive = 0.85
    largest: Positive = 1.2
    turn: NotNegative = 12.0
    shift: Share = 0.1
    contrast: NotNegative = 0.2
    brightness: NotNegative = 20.0
    erased: Share = 0.0
    spoilt: Share = 0.0
    rare: Positive = 1.0


class Distillation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Learning from teachers (Hinton et al. 2015, arXiv:1503.02531).

    The teachers judge a few variations of each face once, and their mean is the target of all the
    variations that the student sees: it never sees one twice, so it has nothing to learn by heart.
    The teachers' logits are kept.

    Attributes:
        teachers: names of recipes beside this one; each is trained first where it was not.
        weight: share of the teachers' mean probabilities in the target; the rest is the label.
        views: how many variations of each face the teachers judge.
    """

    teachers: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    weight: Share
    views: Count


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the training of every network needs to know; shallow.yaml explains each."""

    start: str = ""
    epochs: Count
    batch_size: Count
    optimizer: Literal["sgd", "adamw", "muon"]
    learning_rate: Positive
    warmup_epochs: Annotated[int, msgspec.Meta(ge=0)]
    weight_decay: NotNegative
    ema: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    seed: Annotated[int, msgspec.Meta(ge=0)]
    dtype: Literal["auto", "mixed_bfloat16", "float32"] = "auto"

    def __post_init__(self) -> None:
        if self.warmup_epochs >= self.epochs:
            raise ValueError("Expected `warmup_epochs` below `epochs`")


class Recipe(Schedule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Network and hyper-parameters of a classifier's training; shallow.yaml explains each."""

    network: Literal["shallow", "tiny", "deep", "residual"]
    label_set: LabelSetName = "7"
    label_head: NotNegative = 1.0
    vote_weight: Share = 0.0
    votes_head: NotNegative = 0.0
    label_votes: NotNegative = 0.0
    prior_power: Share = 0.3
    label_smoothing: Share = 0.0
    mixup: NotNegative = 0.0
    cutmix: NotNegative = 0.0
    balance: Literal["none", "class-weights", "oversample"] = "none"
    augmentation: Augmentation = Augmentation()
    distillation: Distillation | None = None


AnyRecipe = TypeVar("AnyRecipe", bound=Schedule)


def load_recipe(path: Path, kind: type[AnyRecipe]) -> AnyRecipe:
    """Read a recipe.

    Args:
        path: the file.
        kind: `Recipe` of a classifier, or `DetectorRecipe`.

    Raises:
        ConfigError: it cannot be read, or a key is missing, unknown, or of the wrong type.
    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: {error}") from error
