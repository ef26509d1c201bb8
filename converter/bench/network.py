"""A Keras model called again and again, the way its users call it."""

import time

import keras
import numpy as np

from edge.bench.tasks import NetworkAnswer, NetworkTask
from edge.bench.timing import repeat
from edge.machine import resident


def run_keras(task: NetworkTask) -> NetworkAnswer:
    """Load the model of `task` and time `predict`, which most programs call."""
    before, began = resident(), time.perf_counter()
    model = keras.models.load_model(task.path, compile=False)
    loaded = time.perf_counter()
    shape = (task.batch, *(length or 48 for length in model.input_shape[1:]))
    batch = np.random.default_rng(0).random(shape, dtype=np.float32)
    called = time.perf_counter()
    model.predict(batch, verbose=0)
    first = time.perf_counter() - called
    call = repeat(lambda: model.predict(batch, verbose=0), task.seconds)
    grown = (resident() - before) / 1e6
    return NetworkAnswer(1000 * (loaded - began), 1000 * first, call, grown)
