"""Times of a Keras model, for `emotiond bench`."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from edge.bench.model_bench import ModelRequest, time_model
from edge.bench.schema import ModelRow

DEFAULT_SIDE = 48
"""Pixels that stand for a height or width that the model leaves open."""


def measure_keras(request: ModelRequest) -> list[ModelRow]:
    """Load a model and time `predict` with one image, which is what most programs call."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    def prepare(model: Any) -> Callable[[], object]:
        shape = (1, *(length or DEFAULT_SIDE for length in model.input_shape[1:]))
        image = np.random.default_rng(0).random(shape, dtype=np.float32)
        return partial(model.predict, image, verbose=0)

    return time_model(
        request, lambda: keras.models.load_model(request.path, compile=False), prepare
    )
