"""Metrics of a classifier, from its logits and the true classes.

A class is an index into the labels of the model at hand; `LabelSet.classes` gives those of a
dataset.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from converter.data.label_sets import Classes
from converter.evaluate.predictor import Logits
from edge.errors import DataError
from edge.model_card import Accuracy
from edge.tflite import softmax
from edge.types import Probabilities

BINS = 15
"""Bins of the expected calibration error, as Guo et al. 2017 (arXiv:1706.04599) use."""


def compute_metrics(
    name: str, probabilities: Probabilities, classes: Classes, labels: tuple[str, ...]
) -> Accuracy:
    """Return the metrics of the card for one set of rows.

    The means over classes leave out those that no row has.

    Args:
        name: what the rows are called.
        probabilities: float32 (n, classes).
        classes: the true class of each row, (n,).
        labels: names of the classes.

    Raises:
        DataError: there are no rows.
    """
    if len(classes) == 0:
        raise DataError(f"{name}: expected rows to measure on, found none")
    chosen = probabilities.argmax(axis=1)
    present = np.unique(classes)
    _, recall, f1, _ = precision_recall_fscore_support(
        classes, chosen, labels=present, zero_division=0
    )
    hits = int((chosen == classes).sum())
    low, high = wilson_interval(hits, len(classes))
    return Accuracy(
        data=name,
        rows=len(classes),
        accuracy=round(hits / len(classes), 4),
        balanced_accuracy=round(float(recall.mean()), 4),
        macro_f1=round(float(f1.mean()), 4),
        interval=(round(low, 4), round(high, 4)),
        recall={
            labels[index]: round(float(found), 4)
            for index, found in zip(present, recall, strict=True)
        },
        calibration_error=round(calibration_error(probabilities, classes), 4),
    )


def wilson_interval(hits: int, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, JASA 22:209)."""
    z = 1.959964
    part, spread = hits / rows, z * z / rows
    center = (part + spread / 2) / (1 + spread)
    half = z * math.sqrt(part * (1 - part) / rows + spread / (4 * rows)) / (1 + spread)
    return max(0.0, center - half), min(1.0, center + half)


def mcnemar(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """Return how likely chance alone makes `after` so much worse than `before` (McNemar 1947).

    The exact, one-sided test on the rows of which just one is right (doi:10.1007/BF02295996);
    both tell whether each row was answered rightly, (n,).
    """
    lost, differing = int((before & ~after).sum()), int((before != after).sum())
    ways = sum(math.comb(differing, count) for count in range(lost, differing + 1))
    return float(ways / (1 << differing))


def confidence_bins(
    probabilities: Probabilities, classes: Classes
) -> Iterator[tuple[float, float, int]]:
    """Yield mean confidence, accuracy and number of the rows in each bin that is not empty."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    for inside in (bins == number for number in np.unique(bins)):
        yield float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum())


def calibration_error(probabilities: Probabilities, classes: Classes) -> float:
    """Return the expected calibration error: mean gap between confidence and accuracy."""
    bins = confidence_bins(probabilities, classes)
    return sum(abs(confidence - right) * rows for confidence, right, rows in bins) / len(classes)


def log_loss(probabilities: Probabilities, classes: Classes) -> float:
    """Return the mean of -log of the probability given to the true class."""
    given = probabilities[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(given, 1e-12)).mean())


def fit_temperature(logits: Logits, classes: Classes) -> float:
    """Return the temperature, to two digits, under which the classes are likeliest."""
    temperatures = np.round(np.arange(0.3, 4.0, 0.01), 2)
    losses = [log_loss(softmax(logits, value), classes) for value in temperatures.tolist()]
    return float(temperatures[int(np.argmin(losses))])
