"""Recipes: everything that decides how one model is trained, as a YAML file each."""

import difflib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from converter.data.label_sets import LabelSetName
from edge.config_errors import format_validation_error
from edge.config_values import parse_yaml
from edge.errors import ConfigError, os_errors_as

RECIPES = Path(__file__).parent  # a wheel holds them too

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
AnyRecipe = TypeVar("AnyRecipe", bound="BaseRecipe")


class Augmentation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Ranges of the variations of each training face; shallow.yaml explains each."""

    smallest: Positive = 0.85
    largest: Positive = 1.2
    turn: NotNegative = 12.0
    shift: Share = 0.1
    contrast: NotNegative = 0.2
    brightness: NotNegative = 20.0
    spoilt: Share = 0.0


class Distillation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Learning from teachers (Hinton et al. 2015, arXiv:1503.02531), recipes here or beside it."""

    teachers: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    weight: Share = 0.5
    views: Count = 5  # variations of a face: their mean is the target of all the student sees of it


class BaseRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings that every training has; shallow.yaml explains each."""

    start: str = ""
    start_share: Share = 0.0
    epochs: Count = 40
    batch_size: Count = 128
    learning_rate: Positive = 0.1
    warmup_epochs: Annotated[int, msgspec.Meta(ge=0)] = 1
    weight_decay: NotNegative = 0.001
    ema: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.998
    seed: Annotated[int, msgspec.Meta(ge=0)] = 1
    dtype: Literal["auto", "mixed_bfloat16", "float32"] = "auto"


class Recipe(BaseRecipe, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Network and hyper-parameters of a classifier's training; shallow.yaml explains each."""

    network: Literal["shallow", "tiny", "deep", "residual"] = "shallow"
    label_set: LabelSetName = "7"
    label_head: NotNegative = 1.0
    votes_head: NotNegative = 0.0
    label_votes: NotNegative = 0.0
    prior_power: Share = 0.3
    label_smoothing: Share = 0.0
    mixup: NotNegative = 0.0
    balance: Literal["none", "oversample"] = "none"
    augmentation: Augmentation = Augmentation()
    distillation: Distillation | None = None


class SampleGeneratorConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the training samples made from annotated images; detector.yaml explains most."""

    smallest: Positive = 8.0
    largest: Positive = 300.0
    zoom: Positive = 5.0
    whole: Share = 0.15
    mosaic: Share = 0.3
    empty: Share = 0.35
    drawn: Share = 0.1
    empty_tint: NotNegative = 0.2
    portraits: Share = 0.1
    near: Positive = 40.0  # least height in pixels of the faces of portraits
    close: Share = 0.08
    turn: NotNegative = 40.0
    filled: Share = 0.85  # of the parts that reach beyond their image as little as they can
    contrast: NotNegative = 0.35  # natural logarithm of the largest change, of gamma too
    brightness: Share = 0.15  # of the range, either way
    tint: NotNegative = 0.08  # spread of the logarithm of each color's strength
    gray: Share = 0.15
    blurred: Share = 0.12
    noisy: Share = 0.12
    compressed: Share = 0.2


class DetectorRecipe(BaseRecipe, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hyper-parameters of a detector's training; detector.yaml explains most."""

    batch_size: Count = 32
    learning_rate: Positive = 0.05
    weight_decay: NotNegative = 0.0005
    ema: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.999
    steps: Count = 500
    height: Count = 240
    width: Count = 320
    most_faces: Count = 40  # of a sample that are learned from; more are ignored
    mined_every: Annotated[int, msgspec.Meta(ge=0)] = 2  # 0 shows all without faces alike
    scenes: SampleGeneratorConfig = SampleGeneratorConfig()


class RefinerRecipe(BaseRecipe, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hyper-parameters of a refiner's training; refiner.yaml explains each."""

    epochs: Count = 12
    batch_size: Count = 256
    learning_rate: Positive = 0.03
    weight_decay: NotNegative = 0.0005
    steps: Count = 300
    samples: Count = 6000
    scenes: SampleGeneratorConfig = SampleGeneratorConfig()
    turn: NotNegative = 50.0
    shift: NotNegative = 0.07
    scale: NotNegative = 0.1


def load_recipe(recipe: Path, kind: type[AnyRecipe]) -> AnyRecipe:
    """Read a recipe by its file or shipped name, with defaults; a ConfigError names wrong keys."""
    path = find_recipe(recipe)
    with os_errors_as(ConfigError, path):
        data = parse_yaml(path.read_bytes(), path) or {}
    problems = []
    for part in [{key: data[key]} for key in data] if isinstance(data, dict) else [data]:
        try:
            msgspec.convert(part, kind)
        except msgspec.ValidationError as error:
            problems.append(format_validation_error(str(error), part, kind))
    if problems:
        several = [f"{len(problems)} keys are wrong", *problems] if problems[1:] else problems
        raise ConfigError(f"{path}: " + "\n  ".join(several))
    read = msgspec.convert(data, kind)
    if read.warmup_epochs >= read.epochs:
        wanted = f"expected fewer than the {read.epochs} epochs, found {read.warmup_epochs}"
        raise ConfigError(f"{path}: warmup_epochs: {wanted}")
    return read


def find_recipe(recipe: Path) -> Path:
    """Return the file that a path or the name of a shipped recipe means; ConfigError if none."""
    if recipe.parent != Path() or recipe.suffix:
        return recipe
    shipped = {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}
    if recipe.name not in shipped:
        near = difflib.get_close_matches(recipe.name, shipped, n=1)
        hint = f"did you mean {near[0]}? The" if near else "the"
        known = f"shipped ones are {', '.join(shipped)}; name your own by its file, mine.yaml"
        raise ConfigError(f"{recipe}: no such recipe; {hint} {known}")
    return shipped[recipe.name]
