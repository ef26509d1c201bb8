"""TFLite models: one wrapper around both runtimes, and the functions that end a network."""

import ctypes
import importlib
import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from pathlib import Path, PosixPath
from queue import LifoQueue
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError, ModelError
from edge.terminal import caught_stderr

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
MODULES = {kind: f"{PACKAGES[kind].replace('-', '_')}.interpreter" for kind in Runtime}
"""Names of the packages that pip installs, and the modules of their class `Interpreter`."""


class LibraryPath(PosixPath):
    """The path of a shared library, or a bare name, which the dynamic linker looks for."""


class DelegateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hardware that runs the networks.

    Attributes:
        delegate: the shared library of an external delegate, such as libedgetpu.so.1, which takes
            what it can of each network; null: the CPU runs them.
        options: what it is told, by its own names, such as {device: usb}.
    """

    delegate: LibraryPath | None = None
    options: dict[str, str | int | float] = {}

    def load(self, runtime: Runtime) -> list[Any]:
        """Load the delegate, if there is one; a ConfigError says why it cannot be used."""
        if self.delegate is None:
            return []
        self.find()
        try:
            return [_module(runtime).load_delegate(str(self.delegate), self.options)]
        except ValueError as error:
            reason = " ".join(str(error).partition("\n")[2].split())
            reason = reason or "it gives no reason; is its device there?"
            text = f"{self.delegate} refuses: {reason}; or set it to null"
            raise ConfigError(f"runtime.delegate: {text}") from error

    def find(self) -> None:
        """Check that the library is a delegate; none of it runs. Errors as `load`."""
        try:
            if not hasattr(ctypes.CDLL(str(self.delegate)), "tflite_plugin_create_delegate"):
                raise OSError(f"{self.delegate}: has no tflite_plugin_create_delegate")
        except OSError as error:
            text = f"expected a TFLite delegate for this machine, found none: {error}"
            raise ConfigError(f"runtime.delegate: {text}; or set it to null") from error


NO_DELEGATE = DelegateSettings()
DELEGATE = ContextVar("DELEGATE", default=NO_DELEGATE)  # of what is opened; `opened_with` sets it


@contextmanager
def opened_with(settings: DelegateSettings) -> Iterator[None]:
    """Run all models that are opened in the block on a delegate."""
    token = DELEGATE.set(settings)
    try:
        yield
    finally:
        DELEGATE.reset(token)


class TensorSpec(NamedTuple):
    """Shape, the batch first, and type, as numpy names it, of one input or output."""

    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


class _Interpreters:
    """Interpreters of one file, in common for all who opened it: at most as many as can be busy."""

    def __init__(self, path: Path, runtime: Runtime, settings: DelegateSettings) -> None:
        self._path, self._runtime, self._settings = path, runtime, settings
        busy = 1 if settings.delegate else len(os.sched_getaffinity(0))
        self._idle = LifoQueue[Any]()  # None stands for one that is opened when it is needed
        for interpreter in (*[None] * (busy - 1), self._open()):
            self._idle.put(interpreter)

    @contextmanager
    def borrowed(self) -> Iterator[Any]:
        """Lend one that nobody else uses, as soon as there is one."""
        interpreter = self._idle.get()
        try:
            interpreter = interpreter or self._open()
            yield interpreter
        finally:
            self._idle.put(interpreter)

    def _open(self) -> Any:
        path, delegates = self._path, self._settings.load(self._runtime)
        try:
            with caught_stderr() as lines:
                # A second thread saves little at 48x48 (docs/research/performance.md).
                interpreter = _module(self._runtime).Interpreter(
                    model_path=str(path), num_threads=1, experimental_delegates=delegates
                )
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            what = f"{self._runtime} with {self._settings.delegate}" if delegates else self._runtime
            raise ModelError(f"{path}: is not a model that {what} can run: {error}") from error
        for line in lines:
            if not line.startswith(CHATTER):
                log.info("%s: %s", path, line)
        return interpreter


_SHARED = WeakValueDictionary[tuple[Any, ...], _Interpreters]()


def _shared_interpreters(path: Path, runtime: Runtime) -> _Interpreters:
    """Return the interpreters of a file, those that others have of the same content."""
    settings, file = DELEGATE.get(), path.stat() if path.exists() else None
    identity = file and (file.st_dev, file.st_ino, file.st_mtime_ns, file.st_size)
    key = path, identity, runtime, msgspec.json.encode(msgspec.to_builtins(settings, enc_hook=str))
    found = _SHARED.get(key)
    if found is None:
        found = _SHARED[key] = _Interpreters(path, runtime, settings)
    return found


def _module(runtime: Runtime) -> Any:
    try:
        return importlib.import_module(MODULES[runtime])
    except ImportError as error:
        text = f"the runtime {runtime} cannot be loaded ({error})"
        raise ConfigError(f"{text}; pip install {PACKAGES[runtime]}") from error


class TFLiteModel:
    """A .tflite file with one input and any number of outputs, loaded; any thread may call it.

    A ConfigError says that the runtime is not installed or the delegate cannot be used, a
    ModelError that the file is no model, or has other than one input.
    """

    def __init__(self, path: Path, runtime: Runtime) -> None:
        self._path, self._interpreters = path, _shared_interpreters(path, runtime)
        with self._interpreters.borrowed() as interpreter:
            inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if len(inputs) != 1:
            raise ModelError(f"{path}: expected one input, found {len(inputs)}")
        self._input: dict[str, Any] = inputs[0]
        self._outputs: list[dict[str, Any]] = outputs
        self.input = _spec(self._input)
        self.outputs = tuple(map(_spec, self._outputs))  # in the file's own order
        # Of an integer input: value q stands for (q - zero point) * scale.
        scale, zero_point = self._input["quantization"]
        self.input_scale = float(scale), int(zero_point)

    def match_signature(self, entry: TensorSpec, outputs: Sequence[TensorSpec]) -> list[int]:
        """Check that input and outputs are those of a card; return the index of each output.

        Files have them in any order: they are told apart by their specs, which must all differ. A
        ModelError says what was expected and found.
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
        with self._interpreters.borrowed() as interpreter:
            interpreter.set_tensor(self._input["index"], batch)
            outputs = self._run(interpreter)
        return [self.dequantize(place, values) for place, values in enumerate(outputs)]

    def invoke_in_place(self, write: Callable[[Tensor], T]) -> tuple[T, list[Tensor]]:
        """Run the model on what `write` puts into its input; return its result, and the outputs.

        `write` fills the whole tensor, which holds anything before, and does not keep it.
        """
        with self._interpreters.borrowed() as interpreter:
            return write(interpreter.tensor(self._input["index"])()), self._run(interpreter)

    def dequantize(self, place: int, values: Tensor) -> NDArray[np.float32]:
        """Return the real values of the output at `place`; a ModelError where one is not finite."""
        scale, zero_point = self._outputs[place]["quantization"]
        real = values.astype(np.float32)
        if scale:
            real = np.asarray((real - zero_point) * scale, dtype=np.float32)
        check_finite(real, self._path)
        return real

    def quantize(self, place: int, value: float) -> float:
        """Return how the output at `place` holds a value; integers lie between its neighbors."""
        scale, zero_point = self._outputs[place]["quantization"]
        return value / scale + zero_point if scale else value

    def _run(self, interpreter: Any) -> list[Tensor]:
        interpreter.invoke()
        return [interpreter.get_tensor(detail["index"]) for detail in self._outputs]


def _spec(detail: dict[str, Any]) -> TensorSpec:
    shape = tuple(int(length) for length in detail["shape"])
    return TensorSpec(shape, str(np.dtype(detail["dtype"]).name))


def open_tflite(path: Path) -> TFLiteModel:
    """Load a .tflite file on the first runtime that is installed; errors as `TFLiteModel`."""
    missing = []
    for runtime in Runtime:
        try:
            _module(runtime)
        except ConfigError as error:
            missing.append(str(error))
        else:
            return TFLiteModel(path, runtime)
    raise ConfigError("; ".join(missing))


def check_finite(values: NDArray[Any], model: Path) -> None:
    """Raise a ModelError that names the model where an answer is not a number or infinite."""
    if not np.isfinite(values).all():
        found = "nan" if np.isnan(values).any() else "infinity"
        text = f"{model}: expected answers that are finite numbers, found {found}"
        raise ModelError(f"{text}; train or convert it anew, or choose another model")


def softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Turn logits (n, classes) into probabilities.

    A temperature above 1 makes them more modest (Guo et al. 2017, arXiv:1706.04599).
    """
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits of one yes or no into the probability of yes, float32 of the same shape."""
    # By way of tanh, which cannot overflow.
    return np.asarray(0.5 + 0.5 * np.tanh(logits / 2), dtype=np.float32)


def logit(probability: float) -> float:
    """Turn a probability into the logit of it, that of 1e-4 or 1 - 1e-4 beyond these."""
    probability = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(probability / (1 - probability))
