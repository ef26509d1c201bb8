"""A trained Keras network made into verified .tflite files with their cards."""

import contextlib
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import keras
import msgspec
import numpy as np
import tensorflow as tf

from converter.datasets import LABELS, SIDE, Dataset
from converter.evaluation import (
    fit_temperature,
    measure_with_and_without_copies,
    run_tflite,
)
from converter.networks import Model
from converter.recipes import Recipe
from edge.errors import ModelError
from edge.infer.calibration import softmax
from edge.infer.card import Input, ModelCard, Output, card_path, sha256

REPRESENTATIVE = 70
"""Training faces of each class that show the quantiser the range of every activation."""

LICENCE = (
    "Weights: for research use. They were learnt from FER2013, whose pictures are web images "
    "without an open licence, released for research."
)
LIMITS = (
    "It names the expression a face shows, as volunteers labelled web pictures; an expression is "
    "not an inner feeling. Labels are noisy, poses mostly frontal, ages, skins and cultures not "
    "evenly represented. Not for decisions about people."
)


class Precision(StrEnum):
    """What a .tflite computes in."""

    FLOAT32 = "float32"
    INT8 = "int8"


@dataclass(frozen=True, slots=True)
class Trained:
    """A network file of a training and the recipe beside it."""

    model: Model
    recipe: Recipe


def load_trained(directory: Path) -> Trained:
    """Read what `train` wrote.

    Raises:
        ModelError: a file is missing or unreadable.
    """
    try:
        recipe = msgspec.json.decode((directory / "recipe.json").read_bytes(), type=Recipe)
        return Trained(keras.saving.load_model(directory / "model.keras"), recipe)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{directory}: holds no finished training: {error}") from error


def quantize(
    trained: Trained, data: Dataset, directory: Path, name: str, max_loss: float = 0.005
) -> list[ModelCard]:
    """Write `name`-float32 and `name`-int8, each with its card, once both are verified.

    Args:
        trained: what to convert.
        data: Training rows for the quantiser, PublicTest rows to verify with.
        directory: where the files go.
        name: what the models are called, without the precision.
        max_loss: share of PublicTest that int8 may lose against float32.

    Raises:
        ModelError: int8 lost more than that; nothing was written.
    """
    # A folder of its own: a conversion that fails half-way leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=directory, prefix=".quantize-") as scratch:
        full, small = (
            _write(trained, data, Path(scratch) / f"{name}-{precision}.tflite", precision)
            for precision in (Precision.FLOAT32, Precision.INT8)
        )
        _check_loss(full, small, max_loss)
        for file in sorted(Path(scratch).iterdir()):
            file.replace(directory / file.name)
    return [full, small]


def _write(trained: Trained, data: Dataset, path: Path, precision: Precision) -> ModelCard:
    """Write one model and its measured card."""
    test, training = data.split("PublicTest"), data.split("Training")
    path.write_bytes(_convert(trained.model, precision, training))
    card = _with_figures(_describe(path, precision, trained), path, test, training)
    text = msgspec.json.format(msgspec.json.encode(card), indent=2)
    card_path(path).write_bytes(text + b"\n")
    return card


def _convert(model: Model, precision: Precision, training: Dataset) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(_one_face(model))
    if precision is Precision.INT8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = _representative(training)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        # A grey crop enters as it is: Rescaling is part of the network.
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.int8
    with contextlib.redirect_stdout(io.StringIO()):  # it lists every variable
        return bytes(converter.convert())


def _one_face(model: Model) -> Model:
    """Return the network with a batch of one: a fixed shape lets the runtime plan ahead."""
    faces = keras.Input(batch_shape=(1, SIDE, SIDE, 1), name="faces")
    return keras.Model(faces, model(faces, training=False))


def _representative(training: Dataset) -> Callable[[], Any]:
    """Return a generator of training faces, the same number of each class."""
    rng = np.random.default_rng(0)
    rows = [
        rng.choice(np.flatnonzero(training.labels == index), REPRESENTATIVE)
        for index in range(len(LABELS))
        if (training.labels == index).any()
    ]
    faces = training.pixels[np.concatenate(rows)].astype(np.float32)
    return lambda: ([face[None, :, :, None]] for face in faces)


def _describe(path: Path, precision: Precision, trained: Trained) -> ModelCard:
    """Return the card of the .tflite at `path`, its temperature and figures still to come."""
    entry: Literal["uint8", "float32"] = "uint8" if precision is Precision.INT8 else "float32"
    leaving: Literal["int8", "float32"] = "int8" if precision is Precision.INT8 else "float32"
    share = trained.recipe.vote_weight
    return ModelCard(
        name=path.stem,
        labels=LABELS,
        input=Input((SIDE, SIDE, 1), entry, scale=1.0, offset=0.0, color="grey"),
        output=Output("logits", leaving, temperature=1.0),
        sha256=sha256(path),
        parameters=int(trained.model.count_params()),
        multiply_adds=multiply_adds(trained.model),
        training_data=(
            f"FER2013 Training; targets are {1 - share:.0%} its label, {share:.0%} FER+'s votes. "
            "Training was watched and the temperature fitted on PublicTest."
        ),
        measured=(),
        licence=LICENCE,
        limits=LIMITS,
    )


def _with_figures(card: ModelCard, path: Path, test: Dataset, training: Dataset) -> ModelCard:
    logits = run_tflite(path, test.pixels)
    temperature = fit_temperature(logits, test.labels)
    return msgspec.structs.replace(
        card,
        output=msgspec.structs.replace(card.output, temperature=temperature),
        measured=measure_with_and_without_copies(test, training, softmax(logits, temperature)),
    )


def multiply_adds(model: Model) -> int:
    """Count the multiply-adds of the convolutions and dense layers for one face."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _, height, width, _ = layer.output.shape
            total += height * width * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.Dense):
            total += int(np.prod(layer.kernel.shape))
    return total


def _check_loss(full: ModelCard, small: ModelCard, max_loss: float) -> None:
    loss = full.measured[0].accuracy - small.measured[0].accuracy
    if loss > max_loss:
        raise ModelError(
            f"{small.name}: {small.measured[0].accuracy:.2%} of PublicTest against "
            f"{full.measured[0].accuracy:.2%} in float32; expected to lose at most {max_loss:.1%}"
        )
