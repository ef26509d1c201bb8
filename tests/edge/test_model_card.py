from pathlib import Path
from typing import Any

import pytest

from edge.errors import ModelError
from edge.model_card import DetectorCard, ModelCard, card_path, decode_card, load_card
from edge.paths import asset
from tests.edge.detect.lights import copy_lights
from tests.edge.infer.models import SHIPPED, copy_model


def test_every_shipped_detector_has_a_card_of_this_very_file() -> None:
    models = sorted((asset("models") / "detectors").glob("*.tflite"))
    assert [load_card(model, DetectorCard).name for model in models] == [
        "face-160x120",
        "face-320x240",
    ]


def test_every_card_of_a_detector_says_what_it_must_not_be_taken_for() -> None:
    for model in (asset("models") / "detectors").glob("*.tflite"):
        card = load_card(model, DetectorCard)
        assert "research" in card.licence
        assert card.limits
        assert card.size == model.stat().st_size


def test_a_damaged_detector_is_told_by_its_hash(tmp_path: Path) -> None:
    model = copy_lights(tmp_path, sha256="0" * 64)
    with pytest.raises(ModelError, match=r"expected sha256 0{64} as its card says, found \w{64}"):
        load_card(model, DetectorCard)


@pytest.mark.parametrize("color", ["gray", "grey"])
def test_cards_of_the_first_version_spelt_gray_otherwise_and_are_read(
    tmp_path: Path, color: str
) -> None:
    classifier = copy_model(tmp_path, input={"color": color})
    assert load_card(classifier, ModelCard).input.color == color


def test_a_missing_card_and_a_missing_model_are_named(tmp_path: Path) -> None:
    model = copy_lights(tmp_path)
    card_path(model).unlink()
    with pytest.raises(ModelError, match=r"lights\.json: cannot be read"):
        load_card(model, DetectorCard)
    model.unlink()
    with pytest.raises(ModelError, match=r"lights\.tflite: cannot be read"):
        load_card(model, DetectorCard)


@pytest.mark.parametrize(
    "changes",
    [
        {"strides": []},
        {"strides": [0]},
        {"min_confidence": 1.0},
        {"smallest_face": 96},
        {"smallest_face": -1},
        {"crop_fit": {"scale": 0.0, "right": 0.0, "down": 0.0}},
        {"crop_fit": {"scale": 1.0}},
        {"input": {"shape": [96, 128, 3], "dtype": "int8", "color": "gray"}},
        {"input": {"shape": [96, 128, 1], "dtype": "int8", "color": "bgr"}},
        {"input": {"shape": [96, 0, 3], "dtype": "int8", "color": "bgr"}},
        {"input": {"shape": [96, 128, 3], "dtype": "float32", "color": "bgr"}},
        {"sha256": "abc"},
        {"extra": 1},
    ],
)
def test_a_malformed_detector_card_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"lights\.json: is not a detector's card: "):
        load_card(copy_lights(tmp_path, **changes), DetectorCard)


def test_the_card_of_a_classifier_is_none_of_a_detector_nor_the_other_way_round(
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelError, match="is not a detector's card"):
        load_card(SHIPPED, DetectorCard)
    with pytest.raises(ModelError, match="is not a model card"):
        load_card(copy_lights(tmp_path), ModelCard)


def test_every_shipped_model_has_a_card_of_this_very_file() -> None:
    models = sorted(asset("models").glob("*.tflite"))
    assert [load_card(model, ModelCard).name for model in models] == [
        model.stem for model in models
    ]


def test_every_card_of_a_model_says_what_it_must_not_be_taken_for() -> None:
    for model in asset("models").glob("*.tflite"):
        card = load_card(model, ModelCard)
        assert "research" in card.licence
        assert "not an inner feeling" in card.limits


def test_a_damaged_model_is_told_by_its_hash(tmp_path: Path) -> None:
    model = copy_model(tmp_path)
    with model.open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(ModelError, match=r"expected sha256 \w{64} as its card says, found \w{64}"):
        load_card(model, ModelCard)


def test_a_missing_model_card_is_named(tmp_path: Path) -> None:
    model = copy_model(tmp_path)
    card_path(model).unlink()
    with pytest.raises(ModelError, match=r"shallow-int8.json: cannot be read"):
        load_card(model, ModelCard)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ["one"]},
        {"labels": ["one", "one", "two"]},
        {"labels": ["one", ""]},
        {"input": {"shape": [48, 64, 1]}},
        {"input": {"shape": [48, 48, 2]}},
        {"output": {"temperature": 1e-300}},
        {"output": {"offsets": [0.5]}},
        {"output": {"kind": "probabilities", "offsets": [0.5] * 8}},
        {"sha256": "abc"},
        {"extra": 1},
    ],
)
def test_a_malformed_model_card_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="is not a model card"):
        load_card(copy_model(tmp_path, **changes), ModelCard)


def reason(card: Path) -> str | None:
    """Return what is wrong with a card, None where it can be read."""
    try:
        decode_card(card, ModelCard)
    except ModelError as error:
        return str(error)
    return None


def test_a_card_with_any_damaged_byte_is_an_error_in_one_line(tmp_path: Path) -> None:
    model = copy_model(tmp_path)
    card = card_path(model)
    whole = card.read_bytes()
    for place in range(len(whole)):
        for damage in (b"\xff", b"\0", b"\n"):
            card.write_bytes(whole[:place] + damage + whole[place + 1 :])
            error = reason(card)  # None where it is a text that is another now
            assert error is None or error.startswith(f"{card}: is not a model card: ")
            assert error is None or len(error.splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b'{"name": "caf\xe9"}', b'{"a\nb": 1}', b"[" * 100_000, b'{"x": ' * 5000],
)
def test_what_is_no_card_at_all_is_an_error_in_one_line(tmp_path: Path, content: bytes) -> None:
    card = tmp_path / "card.json"
    card.write_bytes(content)
    with pytest.raises(ModelError, match=r"card\.json: is not a model card: ") as caught:
        decode_card(card, ModelCard)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.exit_code == 78
