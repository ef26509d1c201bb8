"""The shipped int8 networks compute in integers alone, as compilers for other hardware ask."""

from pathlib import Path

import pytest

from edge.paths import asset
from tools.model_tables.integer_only import integer_note, is_integer_only

NETWORKS = sorted(asset("models").rglob("*.tflite"))


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_all_networks_but_those_named_float_take_and_give_integers(path: Path) -> None:
    assert is_integer_only(path) is ("float" not in path.stem)


def test_the_note_names_no_float_network_and_claims_no_hardware() -> None:
    note = integer_note(asset("models"))
    assert "`shallow-int8`" in note
    assert "float" not in note
    assert "None was tried" in note
