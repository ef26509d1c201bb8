from pathlib import Path

import pytest

from converter.recipes import load_recipe
from edge.errors import ConfigError
from tests.conftest import ROOT

RECIPES = ROOT / "converter" / "recipes"
RECIPE = RECIPES / "shallow.yaml"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_is_readable_and_none_teaches_its_own_teachers(path: Path) -> None:
    assert path.stem not in _teachers(path.stem)


def _teachers(name: str) -> set[str]:
    """Return the teachers of a recipe, theirs, and so on."""
    how = load_recipe(RECIPES / f"{name}.yaml").distillation
    teachers = set(how.teachers) if how else set()
    return teachers.union(*map(_teachers, teachers))


def test_the_shallow_student_has_three_teachers_of_two_architectures() -> None:
    how = load_recipe(RECIPE).distillation
    assert how is not None
    networks = [load_recipe(RECIPES / f"{teacher}.yaml").network for teacher in how.teachers]
    assert len(networks) >= 3
    assert len(set(networks)) >= 2


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
        ("turn: 12", "turn: far"),
    ],
)
def test_a_malformed_recipe_is_named(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(RECIPE.read_text().replace(*change))
    with pytest.raises(ConfigError, match=r"bad.yaml: "):
        load_recipe(path)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.yaml: cannot be read"):
        load_recipe(tmp_path / "gone.yaml")
