"""TFLite files: made from a Keras network, timed, and moved together with their cards."""

import contextlib
import io
import math
import platform
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import keras
import msgspec
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from converter.models import Model
from edge.errors import ConfigError, ModelError
from edge.model_card import BaseCard, Speed, card_path
from edge.paths import sha256
from edge.tflite import PACKAGES, Runtime, TFLiteModel

REPRESENTATIVE = 70  # faces of each class that show the quantizer the ranges of activations
CPU_INFO = Path("/proc/cpuinfo")
ROUNDS, WARM_UP = 200, 20  # timed, and those before, which fill the caches


class Precision(StrEnum):
    """Number format in which a .tflite computes."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"  # weights in 16 bits, for disk space; activations stay float32
    DYNAMIC = "dynamic"  # the same in 8 bits
    INT8 = "int8"  # integers throughout (Krishnamoorthi 2018, arXiv:1806.08342)


def to_tflite(
    network: Model,
    precision: Precision,
    examples: NDArray[np.uint8] | None,
    input_type: Literal["uint8", "int8"] = "uint8",
) -> bytes:
    """Convert a network from values 0-255, (n, height, width, channels), for one image at a time.

    An int8 model needs representative images, uint8 (n, height, width[, channels]); it takes such
    values as they are, or less 128 in int8. ConfigError where Keras does not run on TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        found = keras.backend.backend()
        raise ConfigError(f"needs Keras on TensorFlow, found {found}; set KERAS_BACKEND=tensorflow")
    _, *shape = network.input_shape
    # A batch of one: a fixed shape lets the runtime plan ahead.
    image = tf.TensorSpec((1, *shape), tf.float32, name="faces")
    function = tf.function(partial(network, training=False), autograph=False)
    # By way of Keras' own export it took two to three times as long, to the same values.
    weights = tf.Module()
    weights.variables_of_network = [weight.value for weight in network.weights]
    functions = [function.get_concrete_function(image)]
    converter = tf.lite.TFLiteConverter.from_concrete_functions(functions, weights)
    if precision is not Precision.FLOAT32:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        # tflite-runtime 2.14 knows dense layers with one scale for all channels only.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if precision is Precision.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if precision is Precision.INT8 and examples is not None:
        images = examples.reshape(-1, 1, *shape).astype(np.float32)
        # One black and one white value: the input's scale is then 1, and a value means itself.
        images[0, 0, 0, :2, 0] = 0, 255
        converter.representative_dataset = lambda: ([one] for one in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = getattr(tf, input_type)
        converter.inference_output_type = tf.int8
    with contextlib.redirect_stdout(io.StringIO()):  # it lists every variable
        return bytes(converter.convert())


def representative(faces: NDArray[np.uint8], classes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Draw the same number of faces, uint8 (n, side, side), of each class; too few are repeated."""
    rng, groups = np.random.default_rng(0), (classes == one for one in np.unique(classes))
    rows = [rng.choice(np.flatnonzero(group), REPRESENTATIVE) for group in groups]
    return np.asarray(faces[np.concatenate(rows)])


def multiply_adds(network: Model) -> int:
    """Count the multiply-adds of convolutions and dense layers for one image."""
    found = 0
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            found += multiply_adds(layer)
        elif kernels := [weight.shape for weight in layer.weights if "kernel" in weight.name]:
            # A kernel is applied at every place of its output, a shared one's of each output.
            outputs = [output for node in layer._inbound_nodes for output in node.outputs]
            places = sum(math.prod(output.shape[1:-1]) for output in outputs)
            found += places * sum(map(math.prod, kernels))
    return found


def describe_file(path: Path, network: Model) -> dict[str, Any]:
    """Return the fields of a card that tell of the .tflite at `path` and of its network's work."""
    work = {"parameters": int(network.count_params()), "multiply_adds": multiply_adds(network)}
    return {"name": path.stem, "sha256": sha256(path), "size": path.stat().st_size, **work}


def measure_speed(models: Sequence[Path]) -> list[tuple[Speed, ...]]:
    """Time one face on one thread, for each of the models on each runtime that is installed."""
    text = CPU_INFO.read_text() if CPU_INFO.exists() else ""
    cpu = re.findall(r"^(?:model name|Model)\s*: *(.+)$", text, re.MULTILINE)  # or the board's
    cpu.append(platform.machine())
    speeds: list[tuple[Speed, ...]] = [()] * len(models)
    for runtime in Runtime:
        try:
            networks = [TFLiteModel(model, runtime) for model in models]
        except ConfigError:  # not installed
            continue
        name = f"{runtime} {version(PACKAGES[runtime])}"
        times = zip(speeds, _median_ms(networks), strict=True)
        speeds = [(*known, Speed(name, cpu[0], round(each, 3))) for known, each in times]
    return speeds


def refuse_existing(model: Path) -> None:
    """Raise a ModelError where there is such a model, or a card of one."""
    for file in (model, card_path(model)):
        if file.exists():
            raise ModelError(f"{file}: is there already; choose another --name, or --force")


def write_card(model: Path, card: BaseCard) -> None:
    """Write the card of the .tflite file `model` beside it."""
    card_path(model).write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")


@contextlib.contextmanager
def new_model(path: Path, force: bool) -> Iterator[Path]:
    """Yield where to build a .tflite, which is moved to `path` in the end if it has a card then."""
    if not force:
        refuse_existing(path)
    # A folder of its own: a conversion that fails half-way leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantize-") as scratch:
        inside = Path(scratch) / path.name
        yield inside
        if card_path(inside).exists():
            inside.replace(path)
            card_path(inside).replace(card_path(path))


def _median_ms(networks: Sequence[TFLiteModel]) -> list[float]:
    """Return the median time of one face for each network, in turns, to be disturbed alike."""
    rng = np.random.default_rng(0)
    faces = [rng.integers(0, 256, one.input.shape).astype(one.input.dtype) for one in networks]
    times = np.empty((WARM_UP + ROUNDS, len(networks)))
    for (turn, place), _ in np.ndenumerate(times):
        started = time.perf_counter()
        networks[place].invoke(faces[place])
        times[turn, place] = time.perf_counter() - started
    return [float(one) * 1000 for one in np.median(times[WARM_UP:], axis=0)]
