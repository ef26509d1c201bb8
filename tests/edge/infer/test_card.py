from pathlib import Path

import pytest

from edge.errors import ModelError
from edge.infer.card import load_card
from edge.model_card import card_path
from edge.paths import asset
from tests.edge.infer.models import copy_model


def test_every_shipped_model_has_a_card_of_this_very_file() -> None:
    models = sorted(asset("models").glob("*.tflite"))
    assert [load_card(model).name for model in models] == [model.stem for model in models]


def test_every_card_says_what_the_model_must_not_be_taken_for() -> None:
    for model in asset("models").glob("*.tflite"):
        card = load_card(model)
        assert "research" in card.licence
        assert "not an inner feeling" in card.limits


def test_a_damaged_model_is_told_by_its_hash(tmp_path: Path) -> None:
    model = copy_model(tmp_path)
    with model.open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(ModelError, match=r"expected sha256 \w{64} as its card says, found \w{64}"):
        load_card(model)


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    model = copy_model(tmp_path)
    card_path(model).unlink()
    with pytest.raises(ModelError, match=r"shallow-int8.json: cannot be read"):
        load_card(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ["one"]},
        {"labels": ["one", "one", "two"]},
        {"labels": ["one", ""]},
        {"input": {"shape": [48, 64, 1]}},
        {"input": {"shape": [48, 48, 3]}},
        {"output": {"temperature": 1e-300}},
        {"output": {"offsets": [0.5]}},
        {"output": {"kind": "probabilities", "offsets": [0.5] * 8}},
        {"sha256": "abc"},
        {"extra": 1},
    ],
)
def test_a_malformed_card_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="is not a model card"):
        load_card(copy_model(tmp_path, **changes))
