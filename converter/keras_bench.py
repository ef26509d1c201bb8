"""A Keras model called again and again, the way its users call it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from converter.datasets import SIDE
from edge.bench.model_bench import time_network
from edge.bench.worker_protocol import NetworkAnswer, NetworkTask


def run_keras(task: NetworkTask) -> NetworkAnswer:
    """Load the model of `task` and time `predict`, which most programs call."""

    def call_of(model: Any) -> Callable[[], object]:
        shape = (task.batch, *(length or SIDE for length in model.input_shape[1:]))
        batch = np.random.default_rng(0).random(shape, dtype=np.float32)
        return partial(model.predict, batch, verbose=0)

    return time_network(
        lambda: keras.models.load_model(task.path, compile=False), call_of, task.seconds
    )
