"""Duration of a training, estimated from its work and a short measurement of this machine."""

import sys
import time
from collections.abc import Sequence
from functools import cache

import keras
import numpy as np

from converter.models.classifiers import Model
from converter.quantize.tflite import multiply_adds

LONG_S = 600.0
"""Seconds from which on a training is announced."""

TRAINING_COST = 4.0
"""What a training step costs, in convolutions of its network: three for the ways forward, back to
the inputs and back to the weights, and one for the rest. Measured: 3.4 of `shallow`, 4.6 of `tiny`
(two Zen 3 cores, 2026-11-29)."""

ROUNDS = 6
"""Convolutions that are timed; the fastest counts, as the first prepares and others may wait."""


def estimate_seconds(network: Model, samples: int) -> float:
    """Return about how long a training takes that shows a network so many samples in all."""
    return multiply_adds(network) * samples * TRAINING_COST / multiply_adds_per_second()


@cache
def multiply_adds_per_second() -> float:
    """Return how fast this machine convolves, as the networks do, in the precision in use."""
    images = np.zeros((64, 24, 24, 48), np.float32)
    layer = keras.layers.Conv2D(48, 3, padding="same", use_bias=False)
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        np.asarray(layer(images))
        times.append(time.perf_counter() - started)
    return images.size * 9 * 48 / min(times)


def announce(names: Sequence[str], seconds: float) -> None:
    """Say in a line which networks will be trained, where all take longer than ten minutes."""
    if seconds < LONG_S:
        return
    count = "1 network" if len(names) == 1 else f"{len(names)} networks"
    minutes = seconds / 60
    about = f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
    sys.stderr.write(
        f"training {count}: {', '.join(names)}; about {about} on this machine; "
        "Ctrl-C stops it, and the same command goes on\n"
    )
