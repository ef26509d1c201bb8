"""Import of models trained elsewhere: Keras' .keras, .h5, and .json with weights; .tflite files.

A network is made into one to be quantized; of a .tflite a card is written, the file stays as it is.
"""

import json
import re
import tempfile
import zipfile
from pathlib import Path
from shutil import copyfile
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data.label_sets import LabelSet, Selection
from converter.evaluate.predictor import Logits, keras_values, output_kind, resize
from converter.models import Model
from converter.quantize import trained_model
from converter.quantize.quantize import ConversionResult, with_measurements
from converter.quantize.tflite import measure_speed, refuse_existing, write_card
from converter.quantize.trained_model import CONVERTED, ModelDescription, TrainedModel, probe_images
from edge.errors import ConfigError, ModelError
from edge.infer.classifier import TFLiteClassifier
from edge.model_card import ModelCard, ModelInput, ModelOutput, card_path
from edge.paths import sha256
from edge.tflite import Runtime, TFLiteModel

ERRORS = (OSError, ValueError, TypeError, LookupError, AttributeError, ImportError, RuntimeError)
"""Errors that Keras and h5py raise of a file that they cannot read."""


def refuse_other_forms(path: Path) -> None:
    """Refuse what is no file of a model, with the way to one, by a ModelError."""
    if (path / "saved_model.pb").is_file():
        written = f"tf.lite.TFLiteConverter.from_saved_model('{path}').convert()"
        code = f"import tensorflow as tf; open('model.tflite', 'wb').write({written})"
        remedy = "save it as .keras or .h5 where it was trained, or convert the .tflite of"
        found = "is a SavedModel, which is not read"
        raise ModelError(f'{path}: {found}; {remedy}: python -c "{code}"')
    if (path / "model.json").is_file():
        path = path / "model.json"
    if not path.is_file():
        found = "a folder" if path.is_dir() else "none"
        raise ModelError(f"{path}: expected a file, found {found}")
    with path.open("rb") as file:
        if file.read(23) == b"version https://git-lfs":  # what git leaves in the model's place
            remedy = "`git lfs pull` in its repository fetches the model"
            raise ModelError(f"{path}: is a pointer of git-LFS; {remedy}")
    if path.suffix == ".json" and b'"weightsManifest"' in path.read_bytes():
        tool = "tensorflowjs_converter --input_format tfjs_layers_model --output_format keras"
        remedy = f"make an .h5 of it by pip install tensorflowjs and {tool} {path} model.h5"
        raise ModelError(f"{path}: is a model of TensorFlow.js; {remedy}")


def load_keras(path: Path, weights: Path | None = None) -> Model:
    """Read a `.keras`, a whole `.h5`, or a `.json` with its weights; ModelError if it cannot be."""
    for file in (path, weights):
        if file is not None:
            refuse_other_forms(file)
    if path.suffix == ".json" and weights is None:
        raise ModelError(f"{path}: holds no weights; give --weights with the .h5 beside it")
    try:
        return _standardizing(_load(path, weights))
    except ERRORS as error:
        # Keras puts the reason after the config of the layer, or after the call that failed.
        text = re.sub(r"(?s)^.*Exception encountered[^\n]*?[:.]\s|\x1b\[\d+m", "", str(error))
        reason = (text.strip() or repr(error)).splitlines()[0][:300]
        wanted = "a .keras, an .h5 of model.save(), or a .json of model.to_json() with --weights"
        found = f"cannot be read as a Keras model ({reason})"
        raise ModelError(f"{path}: {found}; expected {wanted}") from error


def _load(path: Path, weights: Path | None) -> Model:
    text: str | bytes | None = None
    if zipfile.is_zipfile(path):  # .keras, as Keras 2.12 and later write it
        with zipfile.ZipFile(path) as file, tempfile.TemporaryDirectory() as scratch:
            if json.loads(file.read("metadata.json")).get("keras_version", "").startswith("2."):
                stored = Path(file.extract("model.weights.h5", scratch))
                return _load_keras2(file.read("config.json"), stored)
    elif path.suffix == ".json":
        text = path.read_text()
    elif path.suffix in {".h5", ".hdf5"}:
        with h5py.File(path) as file:
            text = file.attrs.get("model_config")
    # Keras 3 names the module of the model; Keras 2.13 to 2.15 do so of the layers alone.
    if text is not None and "module" not in json.loads(text):
        return _load_keras2(text, weights or path)
    if path.suffix == ".json":
        model = keras.models.model_from_json(text)
    else:
        model = keras.saving.load_model(path, compile=False)
    if weights is not None:
        model.load_weights(weights)
    return model


def _standardizing(model: Model) -> Model:
    """Let `Normalization` layers use their weights, which Keras forgets of nested models' .h5."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
        elif hasattr(layer, "layers"):
            _standardizing(layer)
    return model


def _load_keras2(text: str | bytes, weights: Path) -> Model:
    """Read a Keras 2 model's JSON; its weights are in the form of 2.13 and later, or before."""
    architecture = json.loads(text, object_hook=_migrate)
    kind = keras.Sequential if architecture["class_name"] == "Sequential" else keras.Model
    model = kind.from_config(architecture["config"])
    with h5py.File(weights) as file:
        old = "layer_names" in file.attrs or "model_weights" in file
    with tempfile.TemporaryDirectory() as scratch:  # Keras tells the form by the name alone
        named = Path(scratch) / ("old.h5" if old else "new.weights.h5")
        named.symlink_to(weights.resolve())
        model.load_weights(named)
    return model


def _migrate(node: dict[str, Any]) -> Any:
    """Return a mapping of a Keras 2 architecture as Keras 3 reads it, inner ones before outer."""
    kind, config = node.get("class_name"), node.get("config")
    if kind is None or config is None:
        return node
    if kind == "Policy":  # the number format of a layer
        return config["name"]
    later = {"module", "registered_name", "build_config"}  # keys of Keras 2.13 and later
    node = {key: value for key, value in node.items() if key not in later}
    if kind == "Sequential":  # the input shape is in a layer of its own in Keras 3
        if isinstance(config, list):  # before Keras 2.2.3
            config = node["config"] = {"name": "sequential", "layers": config}
        shapes = [one["config"].pop("batch_input_shape", None) for one in config["layers"]]
        if shapes and shapes[0] is not None:
            entry = {"batch_shape": shapes[0], "name": f"input_of_{config['name']}"}
            config["layers"].insert(0, {"class_name": "InputLayer", "config": entry})
        return node
    for key in ("input_layers", "output_layers"):  # one tensor is no list of one in Keras 3
        if len(config.get(key, ())) == 1:
            config[key] = config[key][0]
    if config.get("groups") == 1:  # which depthwise and separable layers no longer take
        del config["groups"]
    if kind.startswith("Separable"):  # Keras 2 writes what its base class has, and takes it not
        for part in ("initializer", "regularizer", "constraint"):
            config.pop(f"kernel_{part}", None)
    if kind == "InputLayer" and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    return node


def takes_any_size(model: Model) -> bool:
    """Tell whether the model leaves the size of its images open."""
    return all(None in tuple(tensor.shape)[1:3] for tensor in model.inputs)


def keras_answers(
    model: Model, path: Path, description: ModelDescription, faces: NDArray[np.uint8]
) -> Logits:
    """Return what the model says, float32 (n, classes), of faces scaled as described."""
    side, channels = _check_input(model, path, description.side)
    scale, offset = description.scaling.for_shape(side, channels)
    scaled = resize(faces, side)[..., None].astype(np.float32) * scale + offset
    images = np.broadcast_to(scaled, (*scaled.shape[:3], channels))
    return np.asarray(model.predict(images, verbose=0))


def wrap_for_export(model: Model, path: Path, description: ModelDescription) -> TrainedModel:
    """Return the model of the file `path` with its scaling inside: it takes gray values 0-255.

    A model for color images gets the gray value three times. ModelError where inputs or outputs are
    not as described, or weights or answers not finite; ConfigError of a scaling of another shape.
    """
    side, channels = _check_input(model, path, description.side)
    shapes, labels = [tuple(tensor.shape) for tensor in model.outputs], description.labels
    if len(shapes) != 1 or shapes[0][1:] != (len(labels),):
        wanted = f"(None, {len(labels)}), a value for each of the labels {', '.join(labels)}"
        raise ModelError(f"{path}: expected one output {wanted}; found {shapes}; correct --labels")
    if takes_any_size(model):  # of one size its work can be counted
        image, weights = keras.Input((side, side, channels)), model.get_weights()
        model = keras.models.clone_model(model, input_tensors=image)
        model.set_weights(weights)
        model = _standardizing(model)
    faces = keras.Input((side, side, 1), name="faces")
    scale, offset = description.scaling.for_shape(side, channels)
    x = keras.layers.Concatenate()([faces] * channels) if channels > 1 else faces
    if (scale != 1).any() or offset.any():
        x = keras.layers.Rescaling(scale, offset)(x)
    network = keras.Model(faces, model(x, training=False))
    trained_model.refuse_non_finite(network, path)
    return TrainedModel(
        network,
        LabelSet(description.labels),
        "",
        output_kind(keras_values(network, probe_images(side))),
        "labels",
        training_data=CONVERTED.format(path.name),
        license="That of the model it was converted from.",
    )


def _check_input(model: Model, path: Path, wanted: int | None) -> tuple[int, int]:
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (1, 3):
        raise ModelError(f"{path}: expected one input (None, side, side, 1 or 3), found {shapes}")
    _, height, width, channels = shapes[0]
    sides = {side for side in (height, width, wanted) if side is not None}
    if not sides:
        raise ModelError(f"{path}: takes images of any size; give the one it learned, --size")
    if len(sides) > 1:
        found = f"found {shapes}; correct --size, or leave it out"
        raise ModelError(f"{path}: expected {wanted or height} pixels wide and high, {found}")
    return int(sides.pop()), int(channels)


def open_tflite(path: Path, description: ModelDescription) -> TFLiteClassifier:
    """Load a .tflite with a card that has no temperature and no metrics yet.

    ModelError where the daemon cannot run it, ConfigError where the scaling is not one for all.
    """
    model, labels = TFLiteModel(path, Runtime.LITERT), description.labels
    shape, outputs = model.input.shape, [one.shape for one in model.outputs]
    square = len(shape) == 4 and shape[1] == shape[2] and shape[3] in (1, 3)
    if not square or outputs != [(1, len(labels))]:
        form = f"one input (1, side, side, 1 or 3) and one output (1, {len(labels)})"
        found = f"outputs {outputs} of an input {model.input}; is it a model of these --labels?"
        raise ModelError(f"{path}: expected {form}, found {found}")
    scale, offset = description.scaling.for_shape(shape[1], shape[3])
    if scale.ndim or offset.ndim:
        raise ConfigError("--mean, --std: expected one number for a .tflite; give their average")
    step, zero = model.input_scale
    # Integers stand for real values by the file's own scale.
    factor, added = float(scale) / (step or 1), float(offset) / (step or 1) + (step and zero)
    entry = ModelInput(shape[1:], model.input.dtype, factor, added, "gray")  # type: ignore[arg-type]
    card = ModelCard(
        name=path.stem,
        labels=labels,
        input=entry,
        output=ModelOutput("logits", model.outputs[0].dtype, temperature=1.0),  # type: ignore[arg-type]
        sha256=sha256(path),
        size=path.stat().st_size,
        parameters=0,
        multiply_adds=0,
        training_data=CONVERTED.format(path.name),
        measured=(),
        licence="Unknown: that of the file.",
        limits=trained_model.LIMITS,
    )
    values, _ = TFLiteClassifier(path, card, model).outputs(list(probe_images(shape[1])))
    output = msgspec.structs.replace(card.output, kind=output_kind(values))
    return TFLiteClassifier(path, msgspec.structs.replace(card, output=output), model)


def tflite_answers(path: Path, description: ModelDescription, faces: NDArray[np.uint8]) -> Logits:
    """Return the same of a .tflite, or the logarithms where these are probabilities."""
    classifier = open_tflite(path, description)
    return classifier.outputs(list(resize(faces, classifier.card.input.shape[0])))[0]


def import_tflite(
    path: Path, description: ModelDescription, rows: Selection | None, target: Path, force: bool
) -> ConversionResult:
    """Write the card of a .tflite, measured on `rows`, and copy it to `target`, unless it is there.

    ModelError where another file or a card is there already; otherwise as `open_tflite`.
    """
    stays = target.exists() and target.samefile(path)
    if not force:
        refuse_existing(card_path(target) if stays else target)
    classifier = open_tflite(path, description)
    speed = measure_speed([path])[0]
    card = msgspec.structs.replace(classifier.card, name=target.stem, speed=speed)
    if rows is not None:
        logits = tflite_answers(path, description, rows.pixels)
        card = with_measurements(classifier, card, logits, rows)
    if not stays:
        copyfile(path, target)
    write_card(target, card)
    return ConversionResult(card)
