from pathlib import Path

import msgspec
import pytest

from converter.recipes import (
    BaseRecipe,
    DetectorRecipe,
    Recipe,
    RefinerRecipe,
    SampleGeneratorConfig,
    load_recipe,
)
from edge.errors import ConfigError
from tests.conftest import ROOT

RECIPES = ROOT / "converter" / "recipes"
RECIPE = RECIPES / "shallow.yaml"
DETECTOR = RECIPES / "detector.yaml"
OTHERS = {"detector", "detector-first", "refiner"}
CLASSIFIERS = sorted(path for path in RECIPES.glob("*.yaml") if path.stem not in OTHERS)


@pytest.mark.parametrize(
    ("name", "kind"), [("detector-first", DetectorRecipe), ("refiner", RefinerRecipe)]
)
def test_the_other_shipped_recipes_are_readable(name: str, kind: type[BaseRecipe]) -> None:
    assert load_recipe(RECIPES / f"{name}.yaml", kind).epochs > 1


@pytest.mark.parametrize("path", CLASSIFIERS, ids=lambda path: path.stem)
def test_every_shipped_recipe_is_readable_and_none_builds_on_itself(path: Path) -> None:
    assert path.stem not in _teachers(path.stem)


def _teachers(name: str) -> set[str]:
    """Return what a recipe builds on, what that builds on, and so on."""
    recipe = load_recipe(RECIPES / f"{name}.yaml", Recipe)
    before = set(recipe.distillation.teachers if recipe.distillation else ())
    before |= {recipe.start} - {""}
    return before.union(*map(_teachers, before))


def test_a_recipe_starts_from_a_training_of_the_same_network() -> None:
    for path in CLASSIFIERS:
        recipe = load_recipe(path, Recipe)
        if recipe.start:
            before = load_recipe(RECIPES / f"{recipe.start}.yaml", Recipe)
            assert before.network == recipe.network


@pytest.mark.parametrize(
    "change",
    [
        ("epochs: ", "epoch: "),
        ("seed: ", "seed: x"),
        ("network: shallow", "network: deepest"),
        ("batch_size: 128", "batch_size: 0"),
        ("warmup_epochs: 1", "warmup_epochs: 500"),
        ("\n  weight: 0", "\n  weight: 5"),
        ("teachers: [", "teacher: ["),
        ("turn: 18", "turn: far"),
    ],
)
def test_a_malformed_recipe_is_named(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(RECIPE.read_text().replace(*change))
    with pytest.raises(ConfigError, match=r"bad.yaml: "):
        load_recipe(path, Recipe)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.yaml: cannot be read"):
        load_recipe(tmp_path / "gone.yaml", Recipe)


def test_what_the_detectors_recipe_says_of_scenes_and_mining_is_the_default() -> None:
    """So that its words are true of a recipe, too, that leaves them out."""
    recipe = load_recipe(DETECTOR, DetectorRecipe)
    needed = {field.name for field in msgspec.structs.fields(recipe) if field.required} | {"start"}
    least = msgspec.convert({name: getattr(recipe, name) for name in needed}, DetectorRecipe)
    assert recipe == least
    assert recipe.scenes == SampleGeneratorConfig()


def test_the_detector_has_a_channel_for_each_colour_it_is_shown() -> None:
    recipe = load_recipe(DETECTOR, DetectorRecipe)
    channels = {
        color: msgspec.structs.replace(recipe, color=color).channels for color in ("gray", "bgr")
    }
    assert channels == {"gray": 1, "bgr": 3}


@pytest.mark.parametrize(
    "change",
    [
        ("epochs: ", "epoch: "),
        ("color: ", "color: infra"),
        ("steps: ", "steps: -"),
        ("warmup_epochs: 1", "warmup_epochs: 500"),
        ("mined_every: 2", "mined_every: -1"),
        ("  mosaic: 0.3", "  mosaic: 3"),
        ("  mosaic: 0.3", "  mozaic: 0.3"),
        ("  smallest: 8", "  smallest: 0"),
        ("seed: 2", "seed: 2\nnetwork: shallow"),
    ],
)
def test_a_malformed_recipe_of_a_detector_is_named(tmp_path: Path, change: tuple[str, str]) -> None:
    assert change[0] in DETECTOR.read_text()
    path = tmp_path / "bad.yaml"
    path.write_text(DETECTOR.read_text().replace(*change))
    with pytest.raises(ConfigError, match=r"bad.yaml: "):
        load_recipe(path, DetectorRecipe)


def test_a_classifiers_recipe_is_no_detectors_and_the_other_way_round() -> None:
    with pytest.raises(ConfigError, match=r"shallow\.yaml: "):
        load_recipe(RECIPE, DetectorRecipe)
    with pytest.raises(ConfigError, match=r"detector\.yaml: "):
        load_recipe(DETECTOR, Recipe)
