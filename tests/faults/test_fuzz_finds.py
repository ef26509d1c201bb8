"""Inputs that `python -m tools.fuzz` found to do harm, each refused now in one line."""

from pathlib import Path

import pytest

from edge.config import load_config
from edge.errors import ConfigError
from tests.faults import fault


@fault(
    "config",
    "YAML aliases that unfold to themselves, or to millions of values",
    seen="one line, exit code 78",
    recovery="edit the config",
)
@pytest.mark.parametrize(
    "text",
    [
        "unknown: &a [*a, *a]",
        "unknown: &a {x: *a}",
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30)),
    ],
)
def test_aliases_that_unfold_without_end_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "emotiond.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="by its aliases"):
        load_config(path)
