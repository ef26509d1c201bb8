"""Files of TFLite that somebody else made: a card beside them, and the daemon runs them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from converter.cli import main
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier
from edge.model_card import ModelCard, load_card
from tests.converter.faces import draw, write_csv

tf = pytest.importorskip("tensorflow", reason="conversion needs the extra `convert`")

LABELS = "angry,disgust,fear,happy,sad,surprise,neutral"
FACES = [draw(label, np.random.default_rng(label)) for label in range(7)]


def build(activation: str, side: int, channels: int) -> Any:
    """Return a network for images from -1 to 1."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((side, side, channels)),
            layers.AveragePooling2D(side // 6),
            layers.Flatten(),
            layers.Dense(7, activation, kernel_initializer="random_normal"),
        ]
    )


def write(path: Path, model: Any, integers: bool = False) -> Path:
    """Write a .tflite as people do; of integers, black is not 0 and a step is not 1."""
    entry, holder = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32), tf.Module()
    holder.weights = [weight.value for weight in model.weights]
    function = tf.function(model).get_concrete_function(entry)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], holder)
    if integers:
        faces = np.linspace(-1, 1, 20, dtype=np.float32)
        shape = (1, *model.input_shape[1:])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([np.full(shape, one)] for one in faces)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())
    return path


def convert(path: Path, *words: str) -> int:
    return main(["convert", str(path), "--labels", LABELS, "--input", "-1..1", *words])


@pytest.mark.parametrize(
    ("side", "channels", "integers"), [(48, 1, False), (224, 3, False), (96, 3, True)]
)
def test_the_daemon_answers_as_the_network_did(
    side: int, channels: int, integers: bool, tmp_path: Path
) -> None:
    model = build("softmax", side, channels)
    path = write(tmp_path / "mine.tflite", model, integers)
    before = path.read_bytes()
    assert convert(path) == 0
    assert path.read_bytes() == before
    classifier = open_classifier(ClassifierSettings(ModelPath(path)))
    assert classifier.card.input.shape == (side, side, channels)
    crops = [np.kron(face, np.ones((side // 48,) * 2, np.uint8)) for face in FACES]
    crops = [np.pad(crop, (0, side - len(crop)), mode="edge") for crop in crops]
    images = np.repeat(np.array(crops)[..., None], channels, axis=3) / 127.5 - 1
    wanted = model.predict(images, verbose=0)
    found = classifier.classify(crops).probabilities
    assert np.abs(found - wanted).max() < (0.03 if integers else 1e-4)


def test_with_data_it_is_measured_and_gets_a_temperature(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path)
    path = write(tmp_path / "mine.tflite", build("softmax", 48, 1))
    out = tmp_path / "out"
    words = ["--data", str(data), "--out", str(out), "--name", "other", "--force"]
    assert convert(path, *words) == 0
    assert (out / "other.tflite").read_bytes() == path.read_bytes()
    card = load_card(out / "other.tflite", ModelCard)
    assert card.output.kind == "probabilities"
    assert card.output.temperature != 1.0
    assert card.measured[0].data == "FER2013 PublicTest"
    assert card.speed[0].milliseconds > 0


def test_sigmoids_are_told_from_probabilities(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.tflite", build("sigmoid", 48, 1))
    assert convert(path) == 0
    classifier = open_classifier(ClassifierSettings(ModelPath(path)))
    assert classifier.card.output.kind == "sigmoids"
    assert classifier.classify(FACES).probabilities.sum(axis=1) == pytest.approx([1] * 7)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--labels", "happy,sad"], "one output (1, 2), found outputs"),
        (["--precision", "int8"], "found with a .tflite, which stays as it is"),
        (["--mean", "1,2,3"], "expected one number for a .tflite"),
    ],
)
def test_what_does_not_fit_the_file_is_told(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "mine.tflite", build("softmax", 48, 3))
    assert convert(path, *words) == 78
    assert told in capsys.readouterr().err
    assert not (tmp_path / "mine.json").exists()


def test_a_card_that_is_there_is_kept_unless_forced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "mine.tflite", build("softmax", 48, 1))
    (tmp_path / "mine.json").write_text("precious")
    assert convert(path) == 78
    assert "mine.json: is there already" in capsys.readouterr().err
    assert (tmp_path / "mine.json").read_text() == "precious"
    assert convert(path, "--force") == 0
    assert load_card(path, ModelCard).name == "mine"


@pytest.mark.parametrize("axis", ["large", "flat"])
def test_an_input_that_is_no_square_image_is_told(
    axis: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = (48, 64, 1) if axis == "large" else (2304,)
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(7)])
    assert convert(write(tmp_path / "mine.tflite", model)) == 78
    assert "expected one input (1, side, side, 1 or 3)" in capsys.readouterr().err
