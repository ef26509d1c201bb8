"""The TFLite runtimes, behind one small adapter."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError, ModelError

Tensor = NDArray[Any]


class Runtime(StrEnum):
    """LiteRT, and the package it grew out of, which ends at Python 3.11 and numpy 1."""

    LITERT = "litert"
    TFLITE_RUNTIME = "tflite-runtime"


class Network:
    """A loaded .tflite file with one input and one output.

    Args:
        path: the file.
        runtime: which package runs it.

    Raises:
        ConfigError: the runtime is not installed.
        ModelError: the file is no model, or has other than one input and one output.
    """

    def __init__(self, path: Path, runtime: Runtime) -> None:
        interpreter = _interpreter_class(runtime)
        try:
            # At 48x48 a second thread gains nothing.
            self._interpreter = interpreter(model_path=str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{path}: is not a model that {runtime} can run: {error}") from error
        self._input = _only(self._interpreter.get_input_details(), path, "input")
        self._output = _only(self._interpreter.get_output_details(), path, "output")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input tensor, the batch first."""
        return tuple(int(length) for length in self._input["shape"])

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output tensor, the batch first."""
        return tuple(int(length) for length in self._output["shape"])

    @property
    def input_dtype(self) -> str:
        """Type of the input tensor, as numpy names it."""
        return str(np.dtype(self._input["dtype"]).name)

    @property
    def output_dtype(self) -> str:
        """Type of the output tensor, as numpy names it."""
        return str(np.dtype(self._output["dtype"]).name)

    def invoke(self, batch: Tensor) -> NDArray[np.float32]:
        """Run the model on `batch`, of its input's shape and dtype; return float32 values."""
        self._interpreter.set_tensor(self._input["index"], batch)
        self._interpreter.invoke()
        return self._dequantize(self._interpreter.get_tensor(self._output["index"]))

    def _dequantize(self, values: Tensor) -> NDArray[np.float32]:
        """Turn integers into what they stand for; floats pass as they are."""
        scale, zero_point = self._output["quantization"]
        real = values.astype(np.float32)
        return np.asarray((real - zero_point) * scale if scale else real, dtype=np.float32)


def _interpreter_class(runtime: Runtime) -> Any:
    try:
        match runtime:
            case Runtime.LITERT:
                from ai_edge_litert.interpreter import Interpreter
            case Runtime.TFLITE_RUNTIME:
                from tflite_runtime.interpreter import Interpreter
    except ImportError as error:
        packages = {Runtime.LITERT: "ai-edge-litert", Runtime.TFLITE_RUNTIME: "tflite-runtime"}
        raise ConfigError(
            f"the runtime {runtime} cannot be loaded ({error}); pip install {packages[runtime]}"
        ) from error
    return Interpreter


def _only(details: list[dict[str, Any]], path: Path, kind: str) -> dict[str, Any]:
    if len(details) != 1:
        raise ModelError(f"{path}: expected one {kind}, found {len(details)}")
    return details[0]
