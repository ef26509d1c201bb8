from pathlib import Path

import pytest

from converter.recipes import load_recipe
from edge.errors import ConfigError
from tests.conftest import ROOT

RECIPE = ROOT / "converter" / "recipes" / "shallow.yaml"


def test_the_shipped_recipe_is_readable() -> None:
    assert load_recipe(RECIPE).network == "shallow"


@pytest.mark.parametrize(
    "change",
    [
        ("epochs: ", "epoch: "),
        ("seed: ", "seed: x"),
        ("network: shallow", "network: deepest"),
        ("batch_size: 128", "batch_size: 0"),
        ("warmup_epochs: 3", "warmup_epochs: 500"),
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
