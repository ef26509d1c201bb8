from pathlib import Path

import keras
import numpy as np
import pytest

from converter.data import EXPRESSIONS
from converter.evaluate.predictor import (
    open_keras,
    open_tflite,
    output_kind,
    resize,
    to_logits,
)
from edge.errors import ConfigError, DataError, ModelError
from edge.model_card import ModelCard, load_card
from edge.paths import find_model
from edge.tflite import softmax
from tests.converter.gray import gray_faces
from tests.edge.infer.models import copy_brightness, copy_model

FACES = gray_faces(["happy", "sad", "fear"]).pixels


def _network(folder: Path, *heads: tuple[str, int], activation: str | None = None) -> Path:
    """Save a network with an output of each name and width."""
    faces = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(faces))
    outputs = [
        keras.layers.Dense(width, name=name, activation=activation)(x) for name, width in heads
    ]
    path = folder / "model.keras"
    keras.Model(faces, outputs if len(outputs) > 1 else outputs[0]).save(path)
    return path


def test_a_tflite_gives_the_logits_of_its_file_and_the_temperature_of_its_card() -> None:
    model = find_model(Path("shallow-int8"))
    opened = open_tflite(model)
    assert opened.name == "shallow-int8"
    assert opened.label_set.labels == EXPRESSIONS
    assert opened.temperature == load_card(model, ModelCard).output.temperature
    assert opened.logits(FACES).shape == (3, 8)


def test_a_tflite_with_other_labels_than_the_data_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"brightness.tflite: .*found 'day'"):
        open_tflite(copy_brightness(tmp_path))


def test_of_a_tflite_with_a_face_output_the_classes_are_measured(tmp_path: Path) -> None:
    model = copy_brightness(tmp_path, labels=["happy", "sad", "fear"], label_set="")
    assert open_tflite(model).logits(FACES).shape == (3, 3)


def test_a_card_whose_label_set_has_other_labels_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="label_set '5'"):
        open_tflite(copy_model(tmp_path, label_set="5"))


def test_the_softmax_of_the_logits_of_probabilities_are_those_probabilities() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]], dtype=np.float32)
    logits = to_logits(probabilities, "probabilities")
    np.testing.assert_allclose(softmax(logits, 1.0), probabilities, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[0.9, 0.1], [0.2, 0.8]], "probabilities"),
        ([[0.9, 0.3], [0.2, 0.8]], "sigmoids"),
        ([[1.1, -0.1], [0.2, 0.8]], "logits"),
        ([[5.0, 0.1], [0.2, 0.8]], "logits"),
    ],
)
def test_what_a_network_gives_shows_in_range_and_sum(values: list[list[float]], kind: str) -> None:
    assert output_kind(np.array(values, dtype=np.float32)) == kind


def test_faces_are_scaled_to_the_side_of_the_model() -> None:
    assert resize(FACES, 48) is FACES
    assert resize(FACES, 64).shape == (3, 64, 64)
    assert resize(FACES, 24).shape == (3, 24, 24)


def test_of_a_trained_network_the_output_logits_is_measured(tmp_path: Path) -> None:
    path = _network(tmp_path, ("face", 1), ("logits", 5), ("votes", 8))
    (tmp_path / "recipe.json").write_text('{"network": "shallow", "label_set": "5"}')
    opened = open_keras(path, labels=None)
    assert opened.name == tmp_path.name
    assert opened.label_set.labels[0] == "happy"
    assert opened.logits(FACES).shape == (3, 5)


def test_a_foreign_network_is_measured_by_the_labels_given(tmp_path: Path) -> None:
    path = _network(tmp_path, ("answer", 2), activation="softmax")
    opened = open_keras(path, ("sad", "happy"))
    assert opened.label_set.labels == ("sad", "happy")
    np.testing.assert_allclose(np.exp(opened.logits(FACES)).sum(axis=1), 1, atol=1e-5)


def test_a_network_without_labels_asks_for_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give --labels"):
        open_keras(_network(tmp_path, ("logits", 7)), labels=None)


def test_a_network_with_another_number_of_outputs_than_labels_is_an_error(tmp_path: Path) -> None:
    path = _network(tmp_path, ("logits", 7))
    with pytest.raises(ModelError, match=r"expected an output logits \(None, 2\), found"):
        open_keras(path, ("sad", "happy"))


def test_a_file_that_is_no_network_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"no")
    with pytest.raises(ModelError, match="cannot be read as a Keras network"):
        open_keras(path, ("sad", "happy"))
