"""`python -m tools.bench.keras_predict MODEL`: `predict` of a Keras model with one image.

It is what most programs call; `emotiond bench` times the .tflite made of it.
"""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from edge.bench.measurement import repeat

DEFAULT_SIDE = 48
"""Pixels that stand for a height or width that the model leaves open."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a .keras or .h5 file")
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    model = keras.models.load_model(options.model, compile=False)
    shape = (1, *(length or DEFAULT_SIDE for length in model.input_shape[1:]))
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    timing = repeat(partial(model.predict, image, verbose=0), options.seconds)
    print(f"{options.model.stem}: p50 {timing.p50:.2f} ms, p95 {timing.p95:.2f} ms an image")


if __name__ == "__main__":
    main()
