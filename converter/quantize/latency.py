"""How long one face takes a model, on the runtimes at hand."""

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from edge.errors import ConfigError
from edge.model_card import Speed
from edge.tflite import PACKAGES, Runtime, Tensor, TFLiteModel

ROUNDS = 200
WARM_UP = 20
"""Rounds that are timed, and those before them that are not: the first calls fill the caches."""


def measure_speed(models: Sequence[Path]) -> list[tuple[Speed, ...]]:
    """Time one face on one thread, for each of the models on each runtime that is installed.

    Raises:
        ModelError: a file is no model.
    """
    speeds: list[tuple[Speed, ...]] = [()] * len(models)
    for runtime in Runtime:
        try:
            networks = [TFLiteModel(model, runtime) for model in models]
        except ConfigError:  # not installed
            continue
        name = f"{runtime} {version(PACKAGES[runtime])}"
        times = zip(speeds, milliseconds(networks), strict=True)
        speeds = [(*known, Speed(name, machine(), round(each, 3))) for known, each in times]
    return speeds


def milliseconds(networks: Sequence[TFLiteModel]) -> list[float]:
    """Return the median time of one face for each of the networks.

    They take turns, so that whatever else the machine does falls on all of them alike.
    """
    faces = [_face(network) for network in networks]
    times = [
        [_time(network, face) for network, face in zip(networks, faces, strict=True)]
        for _ in range(WARM_UP + ROUNDS)
    ]
    return [float(value) * 1000 for value in np.median(times[WARM_UP:], axis=0)]


def machine() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {key.strip(): value.strip() for key, value in fields.items()}
    return names.get("model name") or names.get("Model") or platform.machine()


def _face(network: TFLiteModel) -> Tensor:
    grey = np.random.default_rng(0).integers(0, 256, network.input.shape)
    return grey.astype(network.input.dtype)


def _time(network: TFLiteModel, face: Tensor) -> float:
    started = time.perf_counter()
    network.invoke(face)
    return time.perf_counter() - started
