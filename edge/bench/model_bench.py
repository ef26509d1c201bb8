"""Model benchmark: one network alone, on each runtime, called again and again."""

import importlib
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from edge.bench.measurement import Request, repeat
from edge.errors import ModelError
from edge.metrics import rss_bytes
from edge.model_card import ModelCard, card_path, decode_card
from edge.paths import asset, find_model
from edge.tflite import MODULES, Runtime, TFLiteModel

DEFAULT_MODEL, FLOAT_MODEL = "shallow-int8", "shallow-float32"  # the default, others' measure
FLOAT_ROW = f"{FLOAT_MODEL}, {Runtime.LITERT}"  # that others are compared with


class ComparedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Row that is compared with another of its part, the one named `against`, in the same run."""

    times: float = 1.0  # as fast: the median of the rounds, the lowest and the highest
    times_low: float = 1.0
    times_high: float = 1.0
    against: str = ""
    rounds: int = 1


class ModelRow(ComparedRow, frozen=True, kw_only=True):
    """One model on one runtime, one thread; calls include input and output."""

    model: str
    runtime: str
    accuracy: float | None  # the first measurement of its card
    size_mb: float
    load_ms: float  # until it could be called; its runtime was imported before
    first_ms: float  # the first call
    p50_ms: float
    p95_ms: float
    min_ms: float
    memory_mb: float  # growth of the process

    @property
    def name(self) -> str:
        """Model and runtime."""
        return f"{self.model}, {self.runtime}"


def measure_model(path: Path, runtime: Runtime, seconds: float) -> list[ModelRow]:
    """Load one .tflite on one runtime and time its calls, input and output included."""
    importlib.import_module(MODULES[runtime])
    memory, started = rss_bytes(), time.perf_counter()
    model = TFLiteModel(path, runtime)
    loaded = time.perf_counter()
    # without any regularity that a runtime could gain by
    values = np.random.default_rng(0).random(model.input.shape, dtype=np.float32)
    if model.input.dtype != "float32":  # a byte
        values = (255 * values).astype(np.uint8).view(model.input.dtype)
    called = time.perf_counter()
    model.invoke(values)
    first_ms = 1000 * (time.perf_counter() - called)
    timing = repeat(partial(model.invoke, values), seconds)
    row = ModelRow(
        model=path.stem,
        runtime=runtime,
        accuracy=card_accuracy(path),
        size_mb=round(path.stat().st_size / 1e6, 3),
        load_ms=1000 * (loaded - started),
        first_ms=first_ms,
        p50_ms=timing.p50,
        p95_ms=timing.p95,
        min_ms=timing.fastest,
        memory_mb=(rss_bytes() - memory) / 1e6,
    )
    return [row]


def select_models(files: Sequence[Path], detectors: bool = False) -> list[Path]:
    """Return the files to measure: those given, by path or name, else every shipped model."""
    if files:
        return [find_model(file).absolute() for file in files]
    shipped = sorted(asset("models").glob("*.tflite"))
    return shipped + (sorted(asset("models/detectors").glob("*.tflite")) if detectors else [])


def model_requests(files: Sequence[Path], seconds: float) -> list[Request]:
    """Return a request for each model and runtime; without files, for the detectors too."""
    return [
        Request(runtime, measure_model, (model, runtime, seconds))
        for model in select_models(files, detectors=True)
        for runtime in Runtime  # the name: one that is not installed is missing for every model
    ]


def card_accuracy(model: Path) -> float | None:
    """Return the accuracy that a classifier's card gives first; None where there is none."""
    try:
        card = decode_card(card_path(model), ModelCard)
    except ModelError:
        return None  # it has no card, or is a detector
    return next((one.accuracy for one in card.measured), None)
