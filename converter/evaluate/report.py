"""Report of an evaluation: every metric, in one record that is written as JSON, and in words."""

from collections.abc import Iterator

import msgspec
import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from converter.data import Dataset
from converter.data.label_sets import WITHOUT_COPIES, Classes, LabelProtocol, select_rows
from converter.evaluate.metrics import (
    calibration_error,
    compute_metrics,
    confidence_bins,
    log_loss,
)
from converter.evaluate.predictor import Logits, Predictor
from edge.model_card import Accuracy
from edge.tflite import softmax


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
    """Rows of about the same confidence.

    Attributes:
        confidence: their mean confidence.
        accuracy: share of them that is right.
        rows: how many.
    """

    confidence: float
    accuracy: float
    rows: int


class ModelMetrics(Accuracy, frozen=True, forbid_unknown_fields=True):
    """Metrics of one set of rows: those of a card, and more.

    Attributes:
        log_loss: mean of -log of the true class's probability, at the card's temperature.
        temperature: the card's.
        unscaled_calibration_error: at temperature 1, where `calibration_error` is at the card's.
        classes: the metrics of each class that any row has.
        confusion: rows of each true class (outer) by predicted class (inner), in the labels' order.
        bins: the rows by confidence at the card's temperature, empty bins left out.
    """

    log_loss: float
    temperature: float
    unscaled_calibration_error: float
    classes: dict[str, ClassMetrics]
    confusion: tuple[tuple[int, ...], ...]
    bins: tuple[Bin, ...]


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
            Training row is at hand, the rows are Training rows, or nothing is left.
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


def evaluate(predictor: Predictor, data: Dataset, usage: str, protocol: LabelProtocol) -> Report:
    """Measure a model on the rows of one split.

    Args:
        predictor: the model.
        data: rows of the split; Training rows, where there are any, show which are copies.
        usage: the split, or "all".
        protocol: what counts as the truth.

    Raises:
        DataError: no row of the split can be measured.
    """
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
    lines += [*_metric_lines(report.model, report.all_rows), "", *_class_table(report.all_rows), ""]
    if report.without_copies:
        lines += _metric_lines(report.model, report.without_copies)
    else:
        lines.append(f"{WITHOUT_COPIES}: not measured; no such row, or no Training to compare with")
    return "\n".join(lines)


def _model_metrics(
    name: str, logits: Logits, classes: Classes, predictor: Predictor
) -> ModelMetrics:
    labels = predictor.label_set.labels
    probabilities = softmax(logits, predictor.temperature)
    chosen = probabilities.argmax(axis=1)
    measured = compute_metrics(name, probabilities, classes, labels)
    confusion = confusion_matrix(classes, chosen, labels=range(len(labels)))
    return ModelMetrics(
        **msgspec.structs.asdict(measured),
        log_loss=round(log_loss(probabilities, classes), 4),
        temperature=predictor.temperature,
        unscaled_calibration_error=round(calibration_error(softmax(logits, 1.0), classes), 4),
        classes=_class_metrics(classes, chosen, labels),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        bins=tuple(
            Bin(round(confidence, 4), round(accuracy, 4), rows)
            for confidence, accuracy, rows in confidence_bins(probabilities, classes)
        ),
    )


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


def _metric_lines(model: str, metrics: ModelMetrics) -> Iterator[str]:
    low, high = metrics.interval
    yield (
        f"{model}: {metrics.accuracy:.2%} ({low:.1%} to {high:.1%}) "
        f"of {metrics.data}, {metrics.rows} rows"
    )
    yield (
        f"  balanced accuracy {metrics.balanced_accuracy:.2%}, macro F1 {metrics.macro_f1:.3f}, "
        f"log loss {metrics.log_loss:.3f}"
    )
    yield (
        f"  calibration error {metrics.unscaled_calibration_error:.3f} unscaled, "
        f"{metrics.calibration_error:.3f} at temperature {metrics.temperature:g}"
    )


def _class_table(metrics: ModelMetrics) -> Iterator[str]:
    width = max(map(len, metrics.classes))
    yield f"  {'':{width}}  precision  recall     F1   rows"
    for label, one in metrics.classes.items():
        yield (
            f"  {label:{width}}  {one.precision:9.3f}  {one.recall:6.3f}  {one.f1:5.3f}  "
            f"{one.support:5d}"
        )
