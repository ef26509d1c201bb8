"""A network alone, called again and again."""

import importlib
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.bench.timing import repeat
from edge.bench.worker_protocol import NetworkAnswer, NetworkTask
from edge.system_stats import rss_bytes
from edge.tflite import MODULES, Runtime, TensorSpec, TFLiteModel

Loaded = TypeVar("Loaded")


def run_network(task: NetworkTask) -> NetworkAnswer:
    """Load the network of `task` and time its calls, input and output included.

    Raises:
        ConfigError, ModelError: the runtime cannot run it.
    """
    assert task.runtime is not None
    importlib.import_module(MODULES[task.runtime])
    with tempfile.NamedTemporaryFile(suffix=".tflite") as copy:
        path = task.path if task.batch == 1 else _widen(task, Path(copy.name))
        return time_network(
            lambda: TFLiteModel(path, task.runtime or Runtime.LITERT, task.threads, task.batch),
            lambda network: partial(network.invoke, _noise(network.input)),
            task.seconds,
        )


def time_network(
    load: Callable[[], Loaded], call_of: Callable[[Loaded], Callable[[], object]], seconds: float
) -> NetworkAnswer:
    """Load a network and time its calls.

    Args:
        load: does it.
        call_of: returns what calls the loaded network, with an input that is ready.
        seconds: for how long it is called.
    """
    before, began = rss_bytes(), time.perf_counter()
    network = load()
    loaded = time.perf_counter()
    call = call_of(network)
    called = time.perf_counter()
    call()
    first = time.perf_counter() - called
    timing = repeat(call, seconds)
    grown = (rss_bytes() - before) / 1e6
    return NetworkAnswer(1000 * (loaded - began), 1000 * first, timing, grown)


def _widen(task: NetworkTask, copy: Path) -> Path:
    """Write a copy of a model that can take a batch, and return its path.

    Converters write the batch of one into the constants of reshapes, where resizing the input does
    not reach. Such a constant, (1, n), is the shape of a tensor as well; both are set to the batch.
    """
    assert task.runtime is not None
    content = bytearray(task.path.read_bytes())
    for shape in TFLiteModel(task.path, task.runtime).flat_shapes():
        single, wide = (np.array([one, shape], "<i4").tobytes() for one in (1, task.batch))
        content = content.replace(single, wide)
    copy.write_bytes(content)
    return copy


def _noise(form: TensorSpec) -> NDArray[Any]:
    """Return an input without any regularity that a runtime could gain by."""
    values = np.random.default_rng(0).random(form.shape, dtype=np.float32)
    if form.dtype == "float32":
        return values
    limits = np.iinfo(form.dtype)
    return (values * (limits.max - limits.min) + limits.min).astype(form.dtype)
