"""TFLite models: one wrapper around both runtimes, and the functions that end a network."""

import importlib
import logging
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError, ModelError
from edge.native_stderr import caught_stderr

Tensor = NDArray[Any]

T = TypeVar("T")

CHATTER = ("INFO: Created TensorFlow Lite XNNPACK delegate", "INFO: Initialized TensorFlow Lite")
"""Beginnings of lines of the runtime, which has no setting for them, that tell a user nothing."""

log = logging.getLogger(__name__)


class Runtime(StrEnum):
    """Runtimes: LiteRT, and the package it grew out of, which ends at Python 3.11 and numpy 1."""

    LITERT = "litert"
    TFLITE_RUNTIME = "tflite-runtime"


PACKAGES = {Runtime.LITERT: "ai-edge-litert", Runtime.TFLITE_RUNTIME: "tflite-runtime"}
MODULES = {
    Runtime.LITERT: "ai_edge_litert.interpreter",
    Runtime.TFLITE_RUNTIME: "tflite_runtime.interpreter",
}
"""Names of the packages that pip installs, and the modules of their class `Interpreter`."""


class TensorSpec(NamedTuple):
    """Shape, the batch first, and type, as numpy names it, of one input or output."""

    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


class TFLiteModel:
    """A loaded .tflite file with one input and any number of outputs.

    Attributes:
        input, outputs: their shapes and types, in the file's own order.
        input_scale: scale and zero point of an integer input: value q stands for
            (q - zero point) * scale.

    Raises:
        ConfigError: the runtime is not installed.
        ModelError: the file is no model, or has other than one input.
    """

    def __init__(self, path: Path, runtime: Runtime) -> None:
        self._path = path
        try:
            interpreter = importlib.import_module(MODULES[runtime]).Interpreter
        except ImportError as error:
            raise ConfigError(
                f"the runtime {runtime} cannot be loaded ({error}); pip install {PACKAGES[runtime]}"
            ) from error
        try:
            # A second thread saves little at 48x48 (docs/research/performance.md).
            with caught_stderr() as lines:
                self._interpreter = interpreter(model_path=str(path), num_threads=1)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{path}: is not a model that {runtime} can run: {error}") from error
        for line in lines:
            if not line.startswith(CHATTER):
                log.info("%s: %s", path, line)
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1:
            raise ModelError(f"{path}: expected one input, found {len(inputs)}")
        self._input: dict[str, Any] = inputs[0]
        self._outputs: list[dict[str, Any]] = self._interpreter.get_output_details()
        self.input = _spec(self._input)
        self.outputs = tuple(map(_spec, self._outputs))
        scale, zero_point = self._input["quantization"]
        self.input_scale = float(scale), int(zero_point)

    def match_signature(self, entry: TensorSpec, outputs: Sequence[TensorSpec]) -> list[int]:
        """Check that input and outputs are those of a card; return the index of each output.

        Converters order outputs as they like, so they are told apart by their specs, which must all
        differ. A ModelError says what was expected and found.
        """
        tensors = (("input", [entry], [self.input]), ("output", outputs, self.outputs))
        for what, expected, found in tensors:
            if sorted(expected) != sorted(found):
                wanted, other = (" and ".join(map(str, specs)) for specs in (expected, found))
                text = f"expected {what} {wanted} as its card says, found {other or 'none'}"
                raise ModelError(f"{self._path}: {text}")
        return [self.outputs.index(spec) for spec in outputs]

    def invoke(self, batch: Tensor) -> list[NDArray[np.float32]]:
        """Run the model on `batch`, of its input's shape and dtype; return each output's values."""
        self._interpreter.set_tensor(self._input["index"], batch)
        return [self.dequantize(place, values) for place, values in enumerate(self._run())]

    def invoke_in_place(self, write: Callable[[Tensor], T]) -> tuple[T, list[Tensor]]:
        """Run the model on what `write` puts into its input, in place.

        `write` fills the whole tensor, which holds anything before, and does not keep it. What it
        returns is returned with each output's values as the model gives them.
        """
        written = write(self._interpreter.tensor(self._input["index"])())
        return written, self._run()

    def dequantize(self, place: int, values: Tensor) -> NDArray[np.float32]:
        """Return the real values of the output at `place`; a ModelError where one is not finite."""
        scale, zero_point = self._outputs[place]["quantization"]
        real = values.astype(np.float32)
        real = np.asarray((real - zero_point) * scale if scale else real, dtype=np.float32)
        check_finite(real, self._path)
        return real

    def quantize(self, place: int, value: float) -> float:
        """Return how the output at `place` holds a value; integers lie between its neighbors."""
        scale, zero_point = self._outputs[place]["quantization"]
        return value / scale + zero_point if scale else value

    def _run(self) -> list[Tensor]:
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(detail["index"]) for detail in self._outputs]


def _spec(detail: dict[str, Any]) -> TensorSpec:
    shape = tuple(int(length) for length in detail["shape"])
    return TensorSpec(shape, str(np.dtype(detail["dtype"]).name))


def open_tflite(path: Path) -> TFLiteModel:
    """Load a .tflite file on the first runtime that is installed; errors as `TFLiteModel`."""
    missing = []
    for runtime in Runtime:
        try:
            return TFLiteModel(path, runtime)
        except ConfigError as error:
            missing.append(str(error))
    raise ConfigError("; ".join(missing))


def check_finite(values: NDArray[Any], model: Path) -> None:
    """Raise a ModelError that names the model where an answer is not a number or infinite."""
    if not np.isfinite(values).all():
        found = "nan" if np.isnan(values).any() else "infinity"
        raise ModelError(
            f"{model}: expected answers that are finite numbers, found {found}; train or convert "
            "it anew, or choose another model"
        )


def softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Turn logits (n, classes) into probabilities.

    A temperature above 1 makes an over-confident model more modest and never changes which class
    is the likeliest (temperature scaling, Guo et al. 2017, arXiv:1706.04599).
    """
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits of one yes or no into the probability of yes, float32 of the same shape."""
    # By way of tanh, which cannot overflow.
    return np.asarray(0.5 + 0.5 * np.tanh(logits / 2), dtype=np.float32)
