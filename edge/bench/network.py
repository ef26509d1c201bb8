"""A network alone, called again and again."""

import importlib
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bench.tasks import NetworkAnswer, NetworkTask
from edge.bench.timing import repeat
from edge.machine import resident
from edge.runtime import MODULES, Network, TensorForm


def run_network(task: NetworkTask) -> NetworkAnswer:
    """Load the network of `task` and time its calls, input and output included.

    Raises:
        ConfigError, ModelError: the runtime cannot run it.
    """
    assert task.runtime is not None
    importlib.import_module(MODULES[task.runtime])
    before, began = resident(), time.perf_counter()
    network = Network(task.path, task.runtime, task.threads, task.batch)
    loaded = time.perf_counter()
    batch = _noise(network.input)
    called = time.perf_counter()
    network.invoke(batch)
    first = time.perf_counter() - called
    call = repeat(lambda: network.invoke(batch), task.seconds)
    grown = (resident() - before) / 1e6
    return NetworkAnswer(1000 * (loaded - began), 1000 * first, call, grown)


def _noise(form: TensorForm) -> NDArray[Any]:
    """Return an input without any regularity that a runtime could gain by."""
    values = np.random.default_rng(0).random(form.shape, dtype=np.float32)
    if form.dtype == "float32":
        return values
    limits = np.iinfo(form.dtype)
    return (values * (limits.max - limits.min) + limits.min).astype(form.dtype)
