"""Import of Keras models trained elsewhere: .keras, .h5, and .json with weights."""

import json
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np

from converter.data.label_sets import LabelProtocol, LabelSet
from converter.evaluate.predictor import are_probabilities
from converter.models.classifiers import Model
from converter.quantize.trained_model import LIMITS, TrainedModel
from edge.errors import ModelError


class InputRange(StrEnum):
    """The model's values for black and white when it was trained."""

    BYTES = "0..255"
    UNIT = "0..1"
    SIGNED = "-1..1"

    @property
    def scale_and_offset(self) -> tuple[float, float]:
        """Scale and offset that make a gray value 0-255 the input: `value * scale + offset`."""
        scales = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}
        return scales[self.value]


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """Properties of a model that its file does not hold.

    Attributes:
        labels: the classes in the order of the output.
        input_range: what it takes for black and white.
        side: width and height of its faces in pixels; None where the model itself says so.
    """

    labels: tuple[str, ...]
    input_range: InputRange
    side: int | None = None


def load_keras(path: Path, weights: Path | None = None) -> Model:
    """Read a Keras model: `.keras`, a whole `.h5`, or a `.json` with its weights in an `.h5`.

    Args:
        path: the model.
        weights: of a `.json`; also goes before those in a file that has its own.

    Raises:
        ModelError: a file is missing, unreadable, or holds half a model.
    """
    if path.suffix == ".json" and weights is None:
        raise ModelError(f"{path}: holds no weights; give --weights with the .h5 beside it")
    for file in (path, weights):
        if file is not None and not file.is_file():
            raise ModelError(f"{file}: expected a file, found none")
    try:
        return _load(path, weights)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        ImportError,
        RuntimeError,
    ) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelError(
            f"{path}: cannot be read as a Keras model ({reason}); expected a .keras, an .h5 of "
            "model.save(), or a .json of model.to_json() with --weights"
        ) from error


def _load(path: Path, weights: Path | None) -> Model:
    architecture = _architecture(path)
    # Keras 3 names the module of each layer; what is older is read in its own way.
    if architecture is not None and '"module"' not in architecture:
        return _load_legacy(architecture, weights or path)
    if path.suffix == ".json":
        model = keras.models.model_from_json(architecture)
    else:
        model = keras.saving.load_model(path, compile=False)
    if weights is not None:
        model.load_weights(weights)
    return model


def _architecture(path: Path) -> str | None:
    """Return the JSON that a `.json` is, or that an `.h5` holds; None of others."""
    if path.suffix == ".json":
        return path.read_text()
    if path.suffix not in {".h5", ".hdf5"}:
        return None
    with h5py.File(path) as file:
        config = file.attrs.get("model_config")
    return config.decode() if isinstance(config, bytes) else config


def _load_legacy(architecture: str, weights: Path) -> Model:
    """Read a Keras 2 model by making the one file that Keras 3 still reads of it.

    A whole .h5 of Keras 2 is the JSON as an attribute, with the weights in a group.
    """
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole.h5"
        with h5py.File(weights) as source, h5py.File(whole, "w") as joined:
            group = joined.create_group("model_weights")
            held = source.get("model_weights", source)
            for name in held:
                held.copy(name, group)
            for name, value in held.attrs.items():
                group.attrs[name] = value
            joined.attrs["model_config"] = json.dumps(
                _migrate_keras2_config(json.loads(architecture))
            )
        return keras.saving.load_model(whole, compile=False)


def _migrate_keras2_config(model: dict[str, Any]) -> dict[str, Any]:
    """Return a Keras 2 architecture as Keras 3 reads it: its input shapes, its list of layers."""
    config = model["config"]
    if isinstance(config, list):  # before Keras 2.2.3
        config = {"name": "sequential", "layers": config}
    shapes = [layer["config"].pop("batch_input_shape", None) for layer in config["layers"]]
    for layer, shape in zip(config["layers"], shapes, strict=True):
        if layer["class_name"] == "InputLayer" and shape is not None:
            layer["config"]["batch_shape"] = shape
    if config["layers"][0]["class_name"] != "InputLayer" and shapes[0] is not None:
        first = {"class_name": "InputLayer", "config": {"batch_shape": shapes[0], "name": "faces"}}
        config["layers"].insert(0, first)
    return {**model, "config": config}


def takes_any_size(model: Model) -> bool:
    """Return whether the model leaves the size of its images open."""
    return all(None in tuple(tensor.shape)[1:3] for tensor in model.inputs)


def wrap_for_export(model: Model, path: Path, description: ModelDescription) -> TrainedModel:
    """Return the model with its scaling inside: it takes gray values 0-255 as they are.

    A model for color images gets the gray value three times.

    Args:
        model: one image in, one value for each class out.
        path: where it came from, for errors and the card.
        description: what the file does not hold.

    Raises:
        ModelError: the model has other inputs or outputs than the description says.
    """
    side, channels = _check_input(model, path, description.side)
    _check_output(model, path, description.labels)
    faces = keras.Input((side, side, 1), name="faces")
    if takes_any_size(model):
        model = _of_size(model, side, channels)
    scale, offset = description.input_range.scale_and_offset
    x = keras.layers.Rescaling(scale, offset)(faces) if scale != 1 else faces
    x = keras.layers.Concatenate()([x] * channels) if channels > 1 else x
    network = keras.Model(faces, model(x, training=False))
    return TrainedModel(
        network,
        LabelSet(description.labels),
        "",
        "probabilities" if _gives_probabilities(network, side) else "logits",
        LabelProtocol.LABELS,
        training_data=f"Unknown: converted from {path.name}.",
        license="That of the model it was converted from.",
        limits=LIMITS,
    )


def _of_size(model: Model, side: int, channels: int) -> Model:
    """Return the model for images of that size alone, so that its work can be counted."""
    fixed = keras.models.clone_model(model, input_tensors=keras.Input((side, side, channels)))
    fixed.set_weights(model.get_weights())
    return fixed


def _check_input(model: Model, path: Path, wanted: int | None) -> tuple[int, int]:
    """Return side and channels of the model's images."""
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (1, 3):
        raise ModelError(
            f"{path}: expected one input (None, side, side, 1 or 3), found {_list(shapes)}"
        )
    _, height, width, channels = shapes[0]
    sides = {side for side in (height, width, wanted) if side is not None}
    if not sides:
        raise ModelError(f"{path}: takes pictures of any size; give the one it learnt, --size")
    if len(sides) > 1:
        raise ModelError(
            f"{path}: expected an input {wanted or height} pixels wide and high, "
            f"found {_list(shapes)}; correct --size, or leave it out"
        )
    return int(sides.pop()), int(channels)


def _check_output(model: Model, path: Path, labels: tuple[str, ...]) -> None:
    shapes = [tuple(tensor.shape) for tensor in model.outputs]
    if len(shapes) != 1 or shapes[0][1:] != (len(labels),):
        raise ModelError(
            f"{path}: expected one output (None, {len(labels)}), a value for each of the labels "
            f"{', '.join(labels)}; found {_list(shapes)}; correct --labels"
        )


def _gives_probabilities(network: Model, side: int) -> bool:
    """Return whether answers to noise sum to 1: a softmax shows, wherever in the network it is."""
    noise = np.random.default_rng(0).integers(0, 256, (8, side, side, 1)).astype(np.float32)
    return are_probabilities(np.asarray(network.predict(noise, verbose=0)))


def _list(shapes: list[Any]) -> str:
    return " and ".join(map(str, shapes)) or "none"
