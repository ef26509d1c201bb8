from pathlib import Path

import pytest

from converter.recipes import (
    Augmentation,
    BaseRecipe,
    DetectorRecipe,
    Distillation,
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


def test_what_shallow_labels_is_trained_by_stays_as_it_was() -> None:
    """So that a new default does not change what the shipped models are made by."""
    assert load_recipe(Path("shallow-labels"), Recipe) == Recipe(
        network="shallow",
        start="",
        epochs=85,
        batch_size=128,
        learning_rate=0.1,
        warmup_epochs=1,
        weight_decay=0.001,
        ema=0.998,
        seed=20,
        dtype="auto",
        label_set="7",
        label_head=1.0,
        votes_head=0.5,
        label_votes=0.0,
        prior_power=0.3,
        label_smoothing=0.0,
        mixup=0.2,
        balance="none",
        augmentation=Augmentation(
            smallest=0.85,
            largest=1.2,
            turn=12.0,
            shift=0.1,
            contrast=0.2,
            brightness=20.0,
            spoilt=0.0,
        ),
        distillation=Distillation(
            teachers=("deep-labels", "teacher-deep", "teacher-residual"), weight=0.7, views=5
        ),
    )


def test_the_quick_recipe_needs_neither_votes_nor_another_training() -> None:
    recipe = load_recipe(Path("quick"), Recipe)
    assert (recipe.votes_head, recipe.label_votes) == (0, 0)
    assert recipe.start == ""
    assert recipe.distillation is None


def test_a_shipped_recipe_is_found_by_its_name_wherever_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_recipe(Path("shallow"), Recipe) == load_recipe(RECIPE, Recipe)
    assert load_recipe(Path("refiner"), RefinerRecipe).steps == 300


def test_a_misspelled_name_is_answered_by_the_nearest_and_all_others() -> None:
    with pytest.raises(
        ConfigError, match=r"shalow: no such recipe; did you mean shallow\?"
    ) as told:
        load_recipe(Path("shalow"), Recipe)
    assert all(path.stem in str(told.value) for path in RECIPES.glob("*.yaml"))


@pytest.mark.parametrize("text", ["", "network: tiny", "augmentation:\n  turn: 5"])
def test_a_recipe_needs_only_what_it_changes(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    recipe = load_recipe(path, Recipe)
    assert recipe.epochs > recipe.warmup_epochs
    assert (recipe.network == "tiny") == ("tiny" in text)
    assert (recipe.augmentation.turn == 5) == ("turn" in text)


def test_all_that_is_wrong_in_a_recipe_is_said_at_once_in_words_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "epoch: 3\nseed: x\nnetwork: deepest\nbatch_size: 0\n"
        "distillation: {weight: 5, teachers: []}\naugmentation: {turn: far}\n"
    )
    with pytest.raises(ConfigError) as told:
        load_recipe(path, Recipe)
    assert str(told.value).splitlines() == [
        f"{path}: 6 keys are wrong",
        "  epoch: unknown key; did you mean epochs?",
        "  seed: expected a whole number, found 'x'",
        "  network: expected one of deep, residual, shallow, tiny, found 'deepest'; "
        "did you mean deep?",
        "  batch_size: expected a whole number >= 1, found 0",
        "  distillation.weight: expected a number <= 1.0, found 5",
        "  augmentation.turn: expected a number, found 'far'",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- tiny", "the file: expected a mapping"),
        ("epochs: [", "is not YAML: line 1"),
        ("epochs: 5\nwarmup_epochs: 5", "warmup_epochs: expected fewer than the 5 epochs, found 5"),
        ("distillation: {teachers: [1]}", r"distillation.teachers\[0\]: expected a text, found 1$"),
        ("distillation: {weight: 1}", "distillation.teachers: expected this key, found none$"),
        ("distillation: {teachers: []}", "distillation.teachers: expected a list of length >= 1"),
    ],
)
def test_a_malformed_recipe_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"bad.yaml: {words}") as told:
        load_recipe(path, Recipe)
    assert "\n" not in str(told.value)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.yaml: cannot be read"):
        load_recipe(tmp_path / "gone.yaml", Recipe)


def test_what_the_detectors_recipe_says_of_scenes_and_mining_is_the_default() -> None:
    """So that its words are true of a recipe, too, that leaves them out."""
    recipe = load_recipe(DETECTOR, DetectorRecipe)
    assert recipe.mined_every == DetectorRecipe().mined_every
    assert recipe.scenes == SampleGeneratorConfig()


@pytest.mark.parametrize(
    "change",
    [
        ("epochs: ", "epoch: "),
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
