"""Model benchmark: one network alone, on each runtime, called again and again."""

import importlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bench.measurement import Request, repeat
from edge.bench.schema import ModelRow
from edge.errors import ModelError
from edge.metrics import rss_bytes
from edge.model_card import DetectorCard, ModelCard, card_path, decode_card
from edge.paths import asset, find_model
from edge.tflite import MODULES, Runtime, TensorSpec, TFLiteModel

KERAS = "keras"

KERAS_SUFFIXES = frozenset({".keras", ".h5"})

Loaded = TypeVar("Loaded")


class ModelRequest(Request, frozen=True):
    """Request to time one model on one runtime, on one thread, for so many seconds.

    Attributes:
        path: a .tflite file, or what Keras loads.
        runtime: one of `Runtime`, or `KERAS`.
        seconds: length of the measurement.
    """

    path: Path
    runtime: str
    seconds: float

    @property
    def name(self) -> str:
        """The runtime: one that is not installed is missing for every model. Keras may be."""
        return f"{self.path.stem}, {KERAS}" if self.runtime == KERAS else self.runtime

    def measure(self) -> list[ModelRow]:
        """Load the network and time its calls, input and output included.

        Raises:
            ConfigError, ModelError: the runtime cannot run it.
        """
        if self.runtime == KERAS:  # the training machine's package, where that is installed
            keras_bench = importlib.import_module("converter.keras_bench")
            rows: list[ModelRow] = keras_bench.measure_keras(self)
            return rows
        cv2.setNumThreads(1)
        runtime = Runtime(self.runtime)
        importlib.import_module(MODULES[runtime])
        return time_model(
            self,
            lambda: TFLiteModel(self.path, runtime),
            lambda model: partial(model.invoke, _random_input(model.input)),
        )


def select_models(files: Sequence[Path]) -> list[Path]:
    """Return the files to measure: those given, by path or name, else every shipped model.

    Raises:
        ModelError: there is no such model.
    """
    return [_find(file).absolute() for file in files] or sorted(asset("models").glob("*.tflite"))


def _find(file: Path) -> Path:
    if file.suffix not in KERAS_SUFFIXES:
        return find_model(file)
    if not file.is_file():
        raise ModelError(f"{file}: no such model")
    return file


def model_requests(files: Sequence[Path], seconds: float) -> list[ModelRequest]:
    """Return a request for each model and runtime; without files, for the detectors too.

    Raises:
        ModelError: there is no such model.
    """
    models = select_models(files)
    if not files:
        models += sorted((asset("models") / "detectors").glob("*.tflite"))
    return [
        ModelRequest(model, runtime, seconds)
        for model in models
        for runtime in ([KERAS] if model.suffix in KERAS_SUFFIXES else Runtime)
    ]


def time_model(
    request: ModelRequest,
    load: Callable[[], Loaded],
    prepare: Callable[[Loaded], Callable[[], object]],
) -> list[ModelRow]:
    """Load a network and time its calls; return its row.

    Args:
        request: what is measured.
        load: loads the network.
        prepare: returns a call of the loaded network, with its input ready.
    """
    memory, started = rss_bytes(), time.perf_counter()
    model = load()
    loaded = time.perf_counter()
    call = prepare(model)
    called = time.perf_counter()
    call()
    first = time.perf_counter() - called
    timing = repeat(call, request.seconds)
    accuracy, average_precision = card_accuracy(request.path)
    row = ModelRow(
        model=request.path.stem,
        runtime=request.runtime,
        accuracy=accuracy,
        average_precision=average_precision,
        size_mb=round(request.path.stat().st_size / 1e6, 3),
        load_ms=1000 * (loaded - started),
        first_ms=1000 * first,
        p50_ms=timing.p50,
        p95_ms=timing.p95,
        min_ms=timing.fastest,
        per_second=1000 / timing.p50,
        memory_mb=(rss_bytes() - memory) / 1e6,
    )
    return [row]


def _random_input(spec: TensorSpec) -> NDArray[Any]:
    """Return an input without any regularity that a runtime could gain by."""
    values = np.random.default_rng(0).random(spec.shape, dtype=np.float32)
    if spec.dtype == "float32":
        return values
    limits = np.iinfo(spec.dtype)
    return (values * (limits.max - limits.min) + limits.min).astype(spec.dtype)


def card_accuracy(model: Path) -> tuple[float | None, float | None]:
    """Return the accuracy and, of a detector, the average precision that a model's card gives.

    Raises:
        ModelError: the card cannot be read.
    """
    if not card_path(model).exists():
        return None, None
    try:
        card = decode_card(card_path(model), ModelCard)
    except ModelError:
        detector = decode_card(card_path(model), DetectorCard)
        found = (one.average_precision.get("0.4") for one in detector.measured)
        return None, next((one for one in found if one), None)
    return next((one.accuracy for one in card.measured), None), None
