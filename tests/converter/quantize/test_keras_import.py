"""Models that somebody else trained, in the forms in which they are found, run by the daemon."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from converter.cli import main
from edge.errors import ModelError
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier
from edge.model_card import ModelCard, load_card
from tests.converter.faces import draw, write_csv
from tests.e2e.daemon import read_events, run_here
from tests.films import cut

pytest.importorskip("tensorflow", reason="conversion needs the extra `convert`")

import h5py  # type: ignore[import-untyped]
import keras
import msgspec
from keras import layers

from converter.quantize.model_import import load_keras, takes_any_size, wrap_for_export
from converter.quantize.trained_model import ModelDescription, parse_scaling

pytestmark = pytest.mark.usefixtures("eager")  # nothing is asked often enough for a graph to pay

LABELS = "angry,disgust,fear,happy,sad,surprise,neutral"
FACES = [draw(label, np.random.default_rng(label)) for label in range(7)]


PARTS = {0: (), 2: ("kernel", "bias"), 4: ("gamma", "beta", "moving_mean", "moving_variance")}
"""What Keras 2 called the weights of a layer, by how many it has."""


def build(side: int | None = 48, channels: int = 1) -> Any:
    """Return a network as student projects write it: pictures 0-1 in, a softmax out."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((side, side, channels)),
            layers.Conv2D(4, 3, activation="relu", name="conv2d_1"),
            layers.BatchNormalization(name="batch_normalization_1", beta_initializer="ones"),
            layers.MaxPooling2D(4, name="max_pooling2d_1"),
            layers.Conv2D(4, 3, name="conv2d_2"),
            layers.Activation("relu", name="activation_1"),
            layers.GlobalAveragePooling2D() if side is None else layers.Flatten(name="flatten_1"),
            layers.Dense(7, name="dense_1", kernel_initializer="random_normal"),
            layers.Activation("softmax", name="activation_2"),
        ]
    )


def keras_2_layers() -> list[dict[str, Any]]:
    """Return the layers of `build()` as `model.to_json()` of Keras 2.0 wrote them."""
    convolution: dict[str, Any] = {
        "trainable": True,
        "filters": 4,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "valid",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "activation": "linear",
        "use_bias": True,
        "kernel_initializer": {
            "class_name": "VarianceScaling",
            "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
        },
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": None,
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "bias_constraint": None,
    }
    shared = ("use_bias", "kernel_initializer", "bias_initializer")
    dense = {"units": 7, "activation": "linear", **{key: convolution[key] for key in shared}}
    first: dict[str, Any] = {
        "batch_input_shape": [None, 48, 48, 1],
        "dtype": "float32",
        "activation": "relu",
    }
    first["kernel_regularizer"] = {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}}
    normal = {"axis": -1, "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True}
    pool = {"pool_size": [4, 4], "padding": "valid", "strides": [4, 4]}
    named = [
        ("Conv2D", "conv2d_1", {**convolution, **first}),
        ("BatchNormalization", "batch_normalization_1", normal),
        ("MaxPooling2D", "max_pooling2d_1", {**pool, "data_format": "channels_last"}),
        ("Conv2D", "conv2d_2", convolution),
        ("Activation", "activation_1", {"activation": "relu"}),
        ("Dropout", "dropout_1", {"rate": 0.25, "noise_shape": None, "seed": None}),
        ("Flatten", "flatten_1", {}),
        ("Dense", "dense_1", dense),
        ("Activation", "activation_2", {"activation": "softmax"}),
    ]
    return [
        {"class_name": kind, "config": {"name": name, "trainable": True, **config}}
        for kind, name, config in named
    ]


def save_keras_2(model: Any, directory: Path) -> tuple[Path, Path]:
    """Save what `build` returned as Keras 2.1 did: model.json and weights.h5."""
    text = {"class_name": "Sequential", "config": keras_2_layers(), "keras_version": "2.1.6"}
    architecture, weights = directory / "model.json", directory / "weights.h5"
    architecture.write_bytes(msgspec.json.encode({**text, "backend": "tensorflow"}))
    names = [layer["config"]["name"] for layer in keras_2_layers()]
    held = {layer.name: layer.get_weights() for layer in model.layers}
    with h5py.File(weights, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in names]
        file.attrs["keras_version"], file.attrs["backend"] = b"2.1.6", b"tensorflow"
        for name in names:
            group, values = file.create_group(name), held.get(name, [])
            parts = [f"{name}/{part}:0" for part in PARTS[len(values)]]
            group.attrs["weight_names"] = [part.encode() for part in parts]
            for part, value in zip(parts, values, strict=True):
                group[part] = value
    return architecture, weights


def save(form: str, directory: Path) -> list[str]:
    """Save `build()` in one of the forms; return the command's words that name it."""
    model = build()
    if form == "keras 2.1":
        architecture, weights = save_keras_2(model, directory)
        return [str(architecture), "--weights", str(weights)]
    if form == "json":
        (directory / "model.json").write_text(model.to_json())
        model.save_weights(directory / "own.weights.h5")
        return [str(directory / "model.json"), "--weights", str(directory / "own.weights.h5")]
    model.save(directory / f"model{form}")
    return [str(directory / f"model{form}")]


def build_tf_keras(frozen: bool) -> Any:
    """Return a network of Keras 2 as Teachable Machine nests one.

    It has the layers of MobileNets and of EfficientNets, whose first ones scale and standardize.
    Its weights are all different; those of a frozen one are stored in another order.
    """
    tf_keras = pytest.importorskip("tf_keras", reason="it writes the files of Keras 2")
    kit = tf_keras.layers
    image = kit.Input((96, 96, 3))
    standardize = kit.Normalization(axis=3)
    x = standardize(kit.Rescaling([0.9, 1.1, 1.2])(image))
    x = kit.Conv2D(8, 3, strides=2, use_bias=False)(x)
    x = kit.ReLU(6.0)(kit.BatchNormalization()(x))
    share = kit.Reshape((1, 1, 8))(kit.GlobalAveragePooling2D()(x))
    share = kit.Conv2D(8, 1, activation="sigmoid")(kit.Conv2D(2, 1, activation="swish")(share))
    x = kit.Multiply()([x, share])
    x = kit.BatchNormalization()(kit.DepthwiseConv2D(3, strides=2)(x))
    body = tf_keras.Model(image, kit.SeparableConv2D(8, 3, activation="relu")(x))
    body.trainable = not frozen
    head = [kit.Dense(10, "relu", kernel_regularizer="l2"), kit.Dropout(0.2)]
    head.append(kit.Dense(7, "softmax", use_bias=False))
    nested = tf_keras.Sequential([body, kit.GlobalAveragePooling2D()])
    model = tf_keras.Sequential([nested, tf_keras.Sequential(head)])
    rng = np.random.default_rng(0)
    weights = [np.asarray(one) for one in model.get_weights()]
    counted = [one.dtype.kind in "iu" for one in weights]  # as Normalization does
    drawn = [rng.uniform(0.1, 0.5, one.shape) for one in weights]
    chosen = [one if own else new for one, own, new in zip(weights, counted, drawn, strict=True)]
    model.set_weights(chosen)
    standardize.finalize_state()
    return model


@cache
def expected() -> NDArray[np.float32]:
    """Return what the network itself says of the faces."""
    return np.asarray(build().predict(np.array(FACES)[..., None] / 255, verbose=0))


def describe(entry: str, side: int | None = None) -> ModelDescription:
    return ModelDescription(tuple(LABELS.split(",")), parse_scaling(entry), side)


def classify(model: Path) -> NDArray[np.float32]:
    return open_classifier(ClassifierSettings(ModelPath(model))).classify(FACES).probabilities


FORMS = [".keras", ".h5", "json", "keras 2.1"]


@pytest.mark.parametrize("form", FORMS)
def test_a_model_in_any_form_is_read_as_it_was_saved(form: str, tmp_path: Path) -> None:
    path, *more = save(form, tmp_path)
    model = load_keras(Path(path), Path(more[1]) if more else None)
    said = model.predict(np.array(FACES)[..., None] / 255, verbose=0)
    assert np.abs(said - expected()).max() < 1e-5


@pytest.fixture(scope="module")
def made(eager: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command makes, given data too, of a model of Keras 2.1 with labels of its own."""
    folder = tmp_path_factory.mktemp("made")
    data, _ = write_csv(folder)
    words = [*save("keras 2.1", folder), "--labels", "a,b,c,d,e,f,g", "--input", "0..1"]
    words += ["--data", str(data), "--precision", "float32"]
    assert main(["convert", *words, "--out", str(folder / "out"), "--name", "mine"]) == 0
    return folder / "out" / "mine-float32.tflite"


def test_a_model_says_as_a_tflite_what_it_said_before(made: Path) -> None:
    assert np.abs(classify(made) - expected()).max() < 1e-4
    card = load_card(made, ModelCard)
    assert card.output.kind == "probabilities"
    assert (card.input.scale, card.input.offset) == (1.0, 0.0)


def test_labels_of_ones_own_are_converted_with_data_and_not_measured(made: Path) -> None:
    assert load_card(made, ModelCard).measured == ()


@pytest.mark.parametrize("frozen", [False, True])
def test_files_of_keras_2_with_the_layers_of_mobilenets_and_efficientnets_are_read(
    frozen: bool, tmp_path: Path
) -> None:
    model = build_tf_keras(frozen)
    faces = np.random.default_rng(0).uniform(-1, 1, (4, 96, 96, 3)).astype(np.float32)
    wanted = model.predict(faces, verbose=0)
    whole = tmp_path / "whole.h5", tmp_path / "whole.keras"
    for path in whole:
        model.save(path)
    architecture = tmp_path / "model.json"
    architecture.write_text(model.to_json())
    assert '"groups": 1' in architecture.read_text()
    weights = tmp_path / "old.h5", tmp_path / "new.weights.h5"
    for path in weights:
        model.save_weights(path)
    found = [load_keras(architecture, path) for path in weights]
    for read in (*map(load_keras, whole), *found):
        assert np.abs(read.predict(faces, verbose=0) - wanted).max() < 1e-5


def test_the_daemon_runs_a_converted_model_by_its_card(made: Path, tmp_path: Path) -> None:
    record = tmp_path / "events.jsonl"
    config = {
        "source": {"kind": "video", "path": str(cut(tmp_path / "film.mp4", 30)), "realtime": False},
        "classifier": {"model": str(made), "min_confidence": 0},
        "sinks": [{"kind": "jsonl", "path": str(record)}],
    }
    assert run_here(tmp_path, config) == 0
    events = read_events(record)
    assert {event["model"] for event in events} == {"mine-float32"}
    assert set(events[0]["probabilities"]) == set("abcdefg")


def test_int8_with_data_takes_grey_as_it_is_and_is_measured(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path)
    words = [*save(".keras", tmp_path), "--labels", LABELS, "--input", "0..1", "--force"]
    wanted = ["--data", str(data), "--precision", "int8", "--out", str(tmp_path), "--name", "mine"]
    assert main(["convert", *words, *wanted]) == 0
    model = tmp_path / "mine-int8.tflite"
    card = load_card(model, ModelCard)
    assert (card.input.dtype, card.input.scale, card.input.offset) == ("uint8", 1.0, 0.0)
    assert card.measured[0].data == "FER2013 PublicTest"
    assert np.abs(classify(model) - expected()).max() < 0.1


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .keras of `build()`."""
    return Path(save(".keras", tmp_path_factory.mktemp("whole"))[0])


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        (["--input", "0..1"], "--labels is needed"),
        (["--labels", LABELS], "--input is needed"),
        (["--labels", LABELS, "--input", "0-1"], "--input: expected one of 0..1, -1..1, 0..255"),
        (
            ["--labels", "happy,happy", "--input", "0..1"],
            "--labels: expected different names such as",
        ),
        (["--labels", "happy,sad", "--input", "0..1"], "a value for each of the labels happy, sad"),
        (["--labels", LABELS, "--input", "0..1", "--size", "64"], "64 pixels wide and high"),
        (["--labels", LABELS, "--input", "0..1", "--precision", "int8"], "give --data"),
    ],
)
def test_what_is_missing_or_contradicts_the_model_is_told(
    options: list[str],
    needed: str,
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["convert", str(whole), *options, "--out", str(tmp_path)]) == 78
    assert needed in capsys.readouterr().err
    assert not list(tmp_path.glob("*.tflite"))


def test_what_was_not_given_is_asked_for_at_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(side=None).save(tmp_path / "any.keras")
    answers = iter([LABELS, "-1..1", "32"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    assert main(["convert", str(tmp_path / "any.keras"), "--out", str(tmp_path)]) == 0
    assert load_card(tmp_path / "any-float32.tflite", ModelCard).input.shape == (32, 32, 1)


def test_a_json_without_its_weights_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    architecture, _ = save_keras_2(build(), tmp_path)
    assert main(["convert", str(architecture), "--out", str(tmp_path)]) == 78
    assert "--weights is needed" in capsys.readouterr().err
    with pytest.raises(ModelError, match="holds no weights"):
        load_keras(architecture)


@pytest.mark.parametrize("name", ["broken.keras", "broken.h5", "broken.json"])
def test_a_file_that_is_no_model_is_one_line(name: str, tmp_path: Path) -> None:
    path, weights = tmp_path / name, tmp_path / "weights.h5"
    path.write_bytes(b"nothing of use")
    weights.write_bytes(b"nothing of use")
    with pytest.raises(ModelError, match="cannot be read as a Keras model") as caught:
        load_keras(path, weights if name.endswith("json") else None)
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    architecture, weights = save_keras_2(build(), tmp_path)
    with h5py.File(weights, "a") as file:
        del file["dense_1/dense_1/kernel:0"]
        file["dense_1/dense_1/kernel:0"] = np.zeros((5, 5))
    with pytest.raises(ModelError, match="cannot be read as a Keras model"):
        load_keras(architecture, weights)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone.keras: expected a file"):
        load_keras(tmp_path / "gone.keras")


@pytest.mark.parametrize("form", ["SavedModel", "TensorFlow.js", "git-LFS"])
def test_what_is_no_file_of_a_model_is_refused_with_the_way_out(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "saved_model.pb").write_bytes(b"\x08\x01")
    (tmp_path / "model.json").write_text('{"modelTopology": {}, "weightsManifest": []}')
    (tmp_path / "model.tflite").write_text("version https://git-lfs.github.com/spec/v1\noid sha")
    path, remedy = {
        "SavedModel": ("saved_model", "TFLiteConverter.from_saved_model("),
        "TensorFlow.js": ("model.json", "tensorflowjs_converter --input_format"),
        "git-LFS": ("model.tflite", "`git lfs pull`"),
    }[form]
    assert main(["convert", str(tmp_path / path), "--labels", LABELS, "--input", "-1..1"]) == 78
    error = capsys.readouterr().err
    assert form in error
    assert remedy in error
    assert error.count("\n") == 1


def test_answers_that_are_no_numbers_are_refused() -> None:
    faces = keras.Input((48, 48, 1))
    infinite = keras.Model(faces, keras.ops.log(build()(faces) * 0 - 1))
    with pytest.raises(ModelError, match="expected finite answers, found NaN or infinity"):
        wrap_for_export(infinite, Path("mine.h5"), describe("0..1"))


def test_pixels_are_standardized_each_by_its_own_mean(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    mean, std = rng.uniform(100, 150, (48, 48)), rng.uniform(50, 70, 2304)
    np.save(tmp_path / "mean.npy", mean)
    np.save(tmp_path / "std.npy", std)
    faces = np.array(FACES)
    wanted = build().predict(((faces - mean) / std.reshape(48, 48))[..., None], verbose=0)
    scaling = parse_scaling("0..255", str(tmp_path / "mean.npy"), str(tmp_path / "std.npy"))
    labels = tuple(LABELS.split(","))
    export = wrap_for_export(build(), Path("m.h5"), ModelDescription(labels, scaling))
    assert np.abs(export.network.predict(faces[..., None], verbose=0) - wanted).max() < 1e-5


def test_a_model_for_colour_pictures_gets_the_grey_three_times() -> None:
    model = build(channels=3)
    export = wrap_for_export(model, Path("color.keras"), describe("0..1"))
    assert export.network.input_shape == (None, 48, 48, 1)
    grey = np.array(FACES)[..., None].astype(np.float32)
    mine = export.network.predict(grey, verbose=0)
    theirs = model.predict(np.repeat(grey / 255, 3, axis=3), verbose=0)
    assert np.abs(mine - theirs).max() < 1e-5


def test_logits_are_told_from_probabilities_by_what_comes_out() -> None:
    model = keras.Sequential([keras.Input((48, 48, 1)), *build().layers[:-1]])
    assert wrap_for_export(model, Path("m.keras"), describe("0..1")).kind == "logits"
    assert wrap_for_export(build(), Path("m.keras"), describe("0..1")).kind == "probabilities"


def test_a_model_for_pictures_of_any_size_still_standardizes_them() -> None:
    standardize = layers.Normalization(axis=-1)
    standardize.adapt(np.random.default_rng(0).uniform(0.2, 0.8, (4, 8, 8, 1)))
    model = keras.Sequential([keras.Input((None, None, 1)), standardize, *build(None).layers])
    faces = np.array(FACES)[..., None].astype(np.float32)
    wanted = model.predict(faces / 255, verbose=0)
    export = wrap_for_export(model, Path("any.keras"), describe("0..1", side=48))
    assert np.abs(export.network.predict(faces, verbose=0) - wanted).max() < 1e-5


def test_a_model_for_pictures_of_any_size_needs_to_be_told_one() -> None:
    model = build(side=None)
    assert takes_any_size(model)
    with pytest.raises(ModelError, match="give the one it learned, --size"):
        wrap_for_export(model, Path("any.keras"), describe("0..1"))
    assert wrap_for_export(model, Path("any.keras"), describe("0..1", side=64)).side == 64
