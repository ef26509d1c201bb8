"""How right a classifier is, from its logits and the true labels."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.datasets import LABELS, Dataset
from edge.infer.calibration import softmax
from edge.infer.card import Accuracy
from edge.infer.runtime import Network, Runtime
from edge.records import Probabilities

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]

BINS = 15
"""Of the expected calibration error, as Guo et al. 2017 (arXiv:1706.04599) use."""


def run_tflite(path: Path, faces: NDArray[np.uint8]) -> Logits:
    """Return the logits, float32 (n, classes), that the .tflite file gives for `faces`.

    Args:
        path: a model that takes grey values as they are, in its own input type.
        faces: uint8 (n, 48, 48).
    """
    network = Network(path, Runtime.LITERT)
    batches = faces[:, None, :, :, None].astype(network.input_dtype)
    return np.concatenate([network.invoke(batch) for batch in batches])


def measure(name: str, probabilities: Probabilities, labels: Labels) -> Accuracy:
    """Return every figure of the card for one set of rows."""
    right = probabilities.argmax(axis=1) == labels
    hits, rows = int(right.sum()), len(labels)
    low, high = wilson_interval(hits, rows)
    return Accuracy(
        data=name,
        rows=rows,
        accuracy=round(hits / rows, 4),
        interval=(round(low, 4), round(high, 4)),
        recall={
            label: round(float(right[labels == index].mean()), 4)
            for index, label in enumerate(LABELS)
            if (labels == index).any()
        },
        calibration_error=round(calibration_error(probabilities, labels), 4),
    )


def measure_with_and_without_copies(
    test: Dataset, training: Dataset, probabilities: Probabilities
) -> tuple[Accuracy, ...]:
    """Measure on all rows of `test`, and on those whose picture is not also in `training`."""
    name = f"FER2013 {test.usage[0]}"
    own = ~test.copies_of(training)
    rows = {name: np.ones_like(own), f"{name} without copies of Training pictures": own}
    return tuple(
        measure(name, probabilities[mask], test.labels[mask])
        for name, mask in rows.items()
        if mask.any()
    )


def wilson_interval(hits: int, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, JASA 22:209)."""
    z = 1.959964
    share, spread = hits / rows, z * z / rows
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / rows + spread / (4 * rows)) / (1 + spread)
    return centre - half, centre + half


def calibration_error(probabilities: Probabilities, labels: Labels) -> float:
    """Return the expected calibration error: mean gap between confidence and accuracy."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(float(confidence[inside].mean() - right[inside].mean())) * int(inside.sum())
        for inside in (bins == number for number in range(BINS))
        if inside.any()
    ]
    return sum(gaps) / len(labels)


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Return the temperature, to two digits, under which the labels are likeliest."""
    temperatures = np.round(np.arange(0.3, 4.0, 0.01), 2)
    rows = np.arange(len(labels))
    losses = [
        -np.log(np.maximum(softmax(logits, value)[rows, labels], 1e-12)).mean()
        for value in temperatures.tolist()
    ]
    return float(temperatures[int(np.argmin(losses))])
