"""A Keras network to be measured, straight from its training."""

from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data.label_sets import LABEL_SETS, Name
from converter.evaluate.metrics import Logits
from converter.evaluate.predictor import Predictor, as_logits, resize
from converter.evaluate.selection import label_set_of
from converter.models.classifiers import Model
from converter.train.run_dir import RECIPE
from edge.errors import ConfigError, ModelError

BATCH = 256


class _Trained(msgspec.Struct, frozen=True):
    """The one thing of a recipe that matters here; the others pass."""

    label_set: Name = "7"


def open_keras(path: Path, labels: tuple[str, ...] | None) -> Predictor:
    """Open a `.keras` file that takes grey values 0-255, (n, side, side, 1).

    Args:
        path: the file; the output named `logits` is measured, or the only one.
        labels: its classes in the order of the output; None takes them from `recipe.json` beside
            the file, which `emotiond-convert train` writes.

    Raises:
        ConfigError: there are neither labels nor a recipe.
        ModelError: the file is no network, or does not give one value for each label.
        DataError: the labels are not those of the data.
    """
    name = "" if labels else _recipe_label_set(path)
    label_set = label_set_of(path, labels or _labels_of(name), name)
    try:
        network = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path}: cannot be read as a Keras network: {error}") from error
    head = _head(path, network, len(label_set.labels))
    # A training calls every file model.keras: its folder says which.
    title = path.resolve().parent.name if path.stem == "model" else path.stem
    return Predictor(title, label_set, 1.0, lambda faces: _logits(head, faces))


def _recipe_label_set(path: Path) -> str:
    recipe = path.with_name(RECIPE)
    try:
        return msgspec.json.decode(recipe.read_bytes(), type=_Trained).label_set
    except OSError as error:
        raise ConfigError(
            f"{path}: its labels are unknown, as there is no recipe.json beside it; "
            "give --labels, such as angry,happy,sad"
        ) from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{recipe}: {error}; give --labels instead") from error


def _labels_of(name: str) -> tuple[str, ...]:
    return next(one.labels for key, one in LABEL_SETS.items() if key == name)


def _head(path: Path, network: Model, classes: int) -> Model:
    """Return the network with its `logits`, or its only output, alone."""
    outputs = dict(zip(network.output_names, network.outputs, strict=True))
    chosen = outputs.get("logits", network.outputs[0] if len(outputs) == 1 else None)
    if chosen is None or tuple(chosen.shape)[1:] != (classes,):
        found = ", ".join(f"{name} {tuple(one.shape)}" for name, one in outputs.items())
        raise ModelError(f"{path}: expected an output logits (None, {classes}), found {found}")
    return keras.Model(network.inputs, chosen)


def _logits(network: Model, faces: NDArray[np.uint8]) -> Logits:
    sized: NDArray[Any] = resize(faces, network.input_shape[1])[..., None].astype(np.float32)
    values = network.predict(sized, batch_size=BATCH, verbose=0)
    return as_logits(np.asarray(values, dtype=np.float32))
