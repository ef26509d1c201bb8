"""Report of an evaluation: every metric, in one record that is written as JSON, and in words."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from converter.data import Dataset
from converter.data.label_sets import Classes, LabelProtocol, select_rows
from converter.evaluate.metrics import (
    BINS,
    accuracy_with_ci,
    calibration_error,
    compute_metrics,
    confidence_bins,
    cross_validated_temperature,
    log_loss,
)
from converter.evaluate.predictor import Logits, Predictor
from edge.model_card import Accuracy
from edge.tflite import softmax
from edge.types import Probabilities

CROSS_FITTED_ON = "each random half of these rows, judged on the other half"


class ClassMetrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Precision, recall and F1 of one class.

    Attributes:
        precision: share of the rows predicted as the class that are of it.
        recall: share of the rows of the class that were predicted as it.
        f1: harmonic mean of both.
        support: rows of the class.
    """

    precision: float
    recall: float
    f1: float
    support: int


class Bin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bin of a reliability diagram: rows of about the same confidence.

    Attributes:
        confidence: their mean confidence.
        accuracy: share of them that is right.
        rows: how many.
    """

    confidence: float
    accuracy: float
    rows: int


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Expected calibration errors, of 15 bins.

    Attributes:
        unscaled: at temperature 1.
        temperature: the card's.
        scaled: at the card's temperature; it flatters where that was fitted on these very rows.
        cross_fitted_temperatures: fitted on each half of these rows; None below two rows.
        cross_fitted: each half scaled by the temperature of the other.
        cross_fitted_on: the same in words, for a reader of the JSON.
        bins: the rows by confidence at the card's temperature, empty bins left out.
    """

    unscaled: float
    temperature: float
    scaled: float
    cross_fitted_temperatures: tuple[float, float] | None
    cross_fitted: float | None
    cross_fitted_on: str
    bins: tuple[Bin, ...]


class FlipAveraged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accuracy of the mean of the logits of each face and of its mirror image."""

    accuracy: float
    interval: tuple[float, float]


class ModelMetrics(Accuracy, frozen=True, forbid_unknown_fields=True):
    """Metrics of one set of rows: those of a card, and more.

    Attributes:
        log_loss: mean of -log of the true class's probability, at the card's temperature.
        flip_averaged: of each face and its mirror image together.
        classes: the metrics of each class that any row has.
        confusion: rows of each true class (outer) by predicted class (inner), in the labels' order.
        calibration: how far confidence is from accuracy.
    """

    log_loss: float
    flip_averaged: FlipAveraged
    classes: dict[str, ClassMetrics]
    confusion: tuple[tuple[int, ...], ...]
    calibration: Calibration


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The evaluation of one model.

    Attributes:
        model: its name.
        data, usage: the sets and the split it was measured on.
        protocol: "labels" takes the data's labels for the truth, "ferplus" the majority of FER+'s
            votes.
        labels: the model's classes; rows of others are left out.
        merged: classes of the data that count as another.
        left_out: how many rows were left out, by reason.
        all_rows: the metrics on the rest.
        without_copies: the same without rows that repeat a Training image; None where no
            Training row is at hand, or nothing is left.
    """

    model: str
    data: tuple[str, ...]
    usage: str
    protocol: LabelProtocol
    labels: tuple[str, ...]
    merged: dict[str, str]
    left_out: dict[str, int]
    all_rows: ModelMetrics
    without_copies: ModelMetrics | None


@dataclass(frozen=True, slots=True)
class _Predictions:
    """Logits of each face and of its mirror image, with the true classes."""

    logits: Logits
    mirrored: Logits
    classes: Classes

    def select(self, rows: NDArray[np.bool_]) -> "_Predictions":
        return _Predictions(self.logits[rows], self.mirrored[rows], self.classes[rows])


def evaluate(predictor: Predictor, data: Dataset, usage: str, protocol: LabelProtocol) -> Report:
    """Measure a model on the rows of one split.

    Args:
        predictor: the model.
        data: the split's rows; Training rows, where there are any, show which are copies.
        usage: the split.
        protocol: what counts as the truth.

    Raises:
        DataError: no row of the split can be measured.
    """
    selection = select_rows(data, usage, protocol, predictor.label_set)
    predictions = _Predictions(
        predictor.logits(selection.pixels),
        predictor.logits(np.ascontiguousarray(selection.pixels[:, :, ::-1])),
        selection.classes,
    )
    all_rows, *without_copies = (
        _model_metrics(name, predictions.select(rows), predictor)
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
    return "\n".join(_lines(report))


def _model_metrics(name: str, predictions: _Predictions, predictor: Predictor) -> ModelMetrics:
    labels, classes = predictor.label_set.labels, predictions.classes
    probabilities = softmax(predictions.logits, predictor.temperature)
    chosen = probabilities.argmax(axis=1)
    measured = compute_metrics(name, probabilities, classes, labels)
    confusion = confusion_matrix(classes, chosen, labels=range(len(labels)))
    return ModelMetrics(
        **msgspec.structs.asdict(measured),
        log_loss=round(log_loss(probabilities, classes), 4),
        flip_averaged=_flip_averaged(predictions),
        classes=_class_metrics(classes, chosen, labels),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        calibration=_calibration(predictions.logits, classes, predictor.temperature),
    )


def _flip_averaged(predictions: _Predictions) -> FlipAveraged:
    chosen = (predictions.logits + predictions.mirrored).argmax(axis=1)
    return FlipAveraged(*accuracy_with_ci((chosen == predictions.classes).sum(), len(chosen)))


def _class_metrics(
    classes: Classes, chosen: Classes, labels: tuple[str, ...]
) -> dict[str, ClassMetrics]:
    present = np.unique(classes)
    columns = precision_recall_fscore_support(classes, chosen, labels=present, zero_division=0)
    metrics = zip(*(np.round(column, 4).tolist() for column in columns), strict=True)
    return {
        # scikit-learn counts in floats where no row is right.
        labels[index]: ClassMetrics(precision, recall, f1, int(support))
        for index, (precision, recall, f1, support) in zip(present, metrics, strict=True)
    }


def _calibration(logits: Logits, classes: Classes, temperature: float) -> Calibration:
    probabilities = softmax(logits, temperature)
    temperatures, crossed = (
        cross_validated_temperature(logits, classes) if len(classes) > 1 else (None, None)
    )
    return Calibration(
        unscaled=round(calibration_error(softmax(logits, 1.0), classes), 4),
        temperature=temperature,
        scaled=round(calibration_error(probabilities, classes), 4),
        cross_fitted_temperatures=temperatures,
        cross_fitted=None if crossed is None else round(calibration_error(crossed, classes), 4),
        cross_fitted_on=CROSS_FITTED_ON,
        bins=_bins(probabilities, classes),
    )


def _bins(probabilities: Probabilities, classes: Classes) -> tuple[Bin, ...]:
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == classes
    numbers = confidence_bins(probabilities)
    inside = [numbers == number for number in range(BINS) if (numbers == number).any()]
    return tuple(
        Bin(
            round(float(confidence[rows].mean()), 4),
            round(float(right[rows].mean()), 4),
            int(rows.sum()),
        )
        for rows in inside
    )


def _lines(report: Report) -> Iterator[str]:
    for label, other in report.merged.items():
        yield f"{label} counts as {other}"
    for reason, rows in report.left_out.items():
        yield f"left out of {report.usage}: {reason}: {rows}"
    yield from _metric_lines(report.model, report.all_rows)
    yield ""
    yield from _class_table(report.all_rows)
    yield ""
    if report.without_copies is None:
        yield "without copies of Training pictures: not measured; no such row, or no Training"
    else:
        yield from _metric_lines(report.model, report.without_copies)


def _metric_lines(model: str, metrics: ModelMetrics) -> Iterator[str]:
    low, high = metrics.interval
    yield (
        f"{model}: {metrics.accuracy:.2%} ({low:.1%} to {high:.1%}) "
        f"of {metrics.data}, {metrics.rows} rows"
    )
    yield f"  balanced accuracy {metrics.balanced_accuracy:.2%}, macro F1 {metrics.macro_f1:.3f}"
    flip, (low, high) = metrics.flip_averaged.accuracy, metrics.flip_averaged.interval
    yield f"  flip-averaged {flip:.2%} ({low:.1%} to {high:.1%}), log loss {metrics.log_loss:.3f}"
    yield f"  calibration error {_calibration_line(metrics.calibration)}"


def _class_table(metrics: ModelMetrics) -> Iterator[str]:
    width = max(map(len, metrics.classes))
    yield f"  {'':{width}}  precision  recall     F1   rows"
    for label, one in metrics.classes.items():
        yield (
            f"  {label:{width}}  {one.precision:9.3f}  {one.recall:6.3f}  {one.f1:5.3f}  "
            f"{one.support:5d}"
        )


def _calibration_line(calibration: Calibration) -> str:
    text = (
        f"{calibration.unscaled:.3f} unscaled, "
        f"{calibration.scaled:.3f} at temperature {calibration.temperature:g}"
    )
    if calibration.cross_fitted_temperatures is None:
        return text
    first, second = calibration.cross_fitted_temperatures
    return f"{text}, {calibration.cross_fitted:.3f} cross-fitted (at {first:g} and {second:g})"
