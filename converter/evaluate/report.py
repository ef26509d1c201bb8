"""Evaluation of a model: every metric, in one record that is written as JSON, and in words."""

from collections.abc import Iterator
from statistics import mean

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from converter.data import Dataset
from converter.data.label_sets import WITHOUT_COPIES, Classes, LabelProtocol, select_rows
from converter.evaluate.predictor import Logits, Predictor
from edge.errors import DataError
from edge.model_card import Accuracy
from edge.tflite import softmax
from edge.types import Probabilities

BINS = 15  # of the expected calibration error, as Guo et al. 2017 (arXiv:1706.04599) use
Labels = tuple[str, ...]


class ClassMetrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Precision, recall and F1 of one class, and how many rows are of it."""

    precision: float
    recall: float
    f1: float
    support: int


class Bin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of about the same confidence: their mean confidence, and the share that is right."""

    confidence: float
    accuracy: float
    rows: int


class ModelMetrics(Accuracy, frozen=True, forbid_unknown_fields=True):
    """Metrics of one set of rows: those of a card, at its temperature, and more."""

    log_loss: float
    temperature: float
    unscaled_calibration_error: float  # at temperature 1
    classes: dict[str, ClassMetrics]  # those that any row has
    confusion: tuple[tuple[int, ...], ...]  # rows of each true class by predicted class
    bins: tuple[Bin, ...]  # empty ones left out


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The evaluation of one model."""

    model: str
    data: tuple[str, ...]
    usage: str
    protocol: LabelProtocol
    labels: tuple[str, ...]
    merged: dict[str, str]  # classes of the data that count as another
    left_out: dict[str, int]
    all_rows: ModelMetrics
    without_copies: ModelMetrics | None  # of the rows that are `Selection.unique`


def evaluate(predictor: Predictor, data: Dataset, usage: str, protocol: LabelProtocol) -> Report:
    """Measure a model on the rows of one split, or of all; DataError as `select_rows`."""
    selection = select_rows(data, usage, protocol, predictor.label_set)
    logits = predictor.logits(selection.pixels)
    all_rows, *without_copies = (
        _model_metrics(name, logits[rows], selection.classes[rows], predictor)
        for name, rows in selection.parts().items()
    )
    return Report(
        model=predictor.name,
        data=tuple(dict.fromkeys(data.split(usage).source.tolist())),
        usage=usage,
        protocol=protocol,
        labels=predictor.label_set.labels,
        merged=predictor.label_set.merged,
        left_out=selection.excluded,
        all_rows=all_rows,
        without_copies=without_copies[0] if without_copies else None,
    )


def summarize(report: Report) -> str:
    """Return the lines that `emotiond-convert evaluate` prints."""
    lines = [f"{label} counts as {other}" for label, other in report.merged.items()]
    for reason, rows in report.left_out.items():
        lines.append(f"left out of {report.usage}: {reason}: {rows}")
    classes = report.all_rows.classes
    width = max(map(len, classes))
    lines += [*_metric_lines(report.model, report.all_rows), ""]
    lines.append(f"  {'':{width}}  precision  recall     F1   rows")
    for label, one in classes.items():
        shares = f"{one.precision:9.3f}  {one.recall:6.3f}  {one.f1:5.3f}"
        lines.append(f"  {label:{width}}  {shares}  {one.support:5d}")
    lines.append("")
    if report.without_copies:
        lines += _metric_lines(report.model, report.without_copies)
    else:
        lines.append(f"{WITHOUT_COPIES}: not measured; no such row, or no Training to compare with")
    return "\n".join(lines)


def _metric_lines(model: str, one: ModelMetrics) -> Iterator[str]:
    low, high = one.interval
    yield f"{model}: {one.accuracy:.2%} ({low:.1%} to {high:.1%}) of {one.data}, {one.rows} rows"
    means = f"macro F1 {one.macro_f1:.3f}, log loss {one.log_loss:.3f}"
    yield f"  balanced accuracy {one.balanced_accuracy:.2%}, {means}"
    scaled = f"{one.calibration_error:.3f} at temperature {one.temperature:g}"
    yield f"  calibration error {one.unscaled_calibration_error:.3f} unscaled, {scaled}"


def _model_metrics(name: str, logits: Logits, classes: Classes, model: Predictor) -> ModelMetrics:
    labels = model.label_set.labels
    probabilities = softmax(logits, model.temperature)
    chosen = probabilities.argmax(axis=1)
    confusion = confusion_matrix(classes, chosen, labels=range(len(labels)))
    return ModelMetrics(
        **msgspec.structs.asdict(compute_metrics(name, probabilities, classes, labels)),
        log_loss=round(log_loss(probabilities, classes), 4),
        temperature=model.temperature,
        unscaled_calibration_error=round(calibration_error(softmax(logits, 1.0), classes), 4),
        classes=_class_metrics(classes, chosen, labels),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        bins=tuple(confidence_bins(probabilities, classes)),
    )


def _class_metrics(classes: Classes, chosen: Classes, labels: Labels) -> dict[str, ClassMetrics]:
    present = np.unique(classes)
    columns = precision_recall_fscore_support(classes, chosen, labels=present, zero_division=0)
    rows = zip(present, np.round(columns, 4).T.tolist(), strict=True)
    return {labels[row]: ClassMetrics(p, r, f1, int(support)) for row, (p, r, f1, support) in rows}


def compute_metrics(
    name: str, probabilities: Probabilities, classes: Classes, labels: Labels
) -> Accuracy:
    """Return a card's metrics of the rows `name`, means of the classes there; DataError if none."""
    if len(classes) == 0:
        raise DataError(f"{name}: expected rows to measure on, found none")
    chosen = probabilities.argmax(axis=1)
    each = _class_metrics(classes, chosen, labels)
    hits = int((chosen == classes).sum())
    low, high = binomtest(hits, len(classes)).proportion_ci(method="wilson")
    return Accuracy(
        data=name,
        rows=len(classes),
        accuracy=round(hits / len(classes), 4),
        balanced_accuracy=round(mean(one.recall for one in each.values()), 4),
        macro_f1=round(mean(one.f1 for one in each.values()), 4),
        interval=(round(float(low), 4), round(float(high), 4)),
        recall={label: one.recall for label, one in each.items()},
        calibration_error=round(calibration_error(probabilities, classes), 4),
    )


def mcnemar(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """Return the exact p-value of fewer right answers `after` (McNemar, doi:10.1007/BF02295996)."""
    lost, differing = int((before & ~after).sum()), int((before != after).sum())
    return float(binomtest(lost, differing, alternative="greater").pvalue) if differing else 1.0


def confidence_bins(probabilities: Probabilities, classes: Classes) -> Iterator[Bin]:
    """Yield the rows by confidence, empty bins left out."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    for inside in (bins == number for number in np.unique(bins)):
        yield Bin(float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum()))


def calibration_error(probabilities: Probabilities, classes: Classes) -> float:
    """Return the expected calibration error: mean gap between confidence and accuracy."""
    bins = confidence_bins(probabilities, classes)
    return sum(abs(one.confidence - one.accuracy) * one.rows for one in bins) / len(classes)


def log_loss(probabilities: Probabilities, classes: Classes) -> float:
    """Return the mean of -log of the probability given to the true class."""
    given = probabilities[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(given, 1e-12)).mean())


def fit_temperature(logits: Logits, classes: Classes) -> float:
    """Return the temperature, to two digits, under which the classes are likeliest."""
    temperatures = np.round(np.arange(0.3, 4.0, 0.01), 2).tolist()
    return float(min(temperatures, key=lambda one: log_loss(softmax(logits, one), classes)))
