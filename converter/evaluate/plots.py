"""Plot of an evaluation: the confusion matrix and the risk-coverage curve."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import ConfusionMatrixDisplay

from converter.evaluate.report import Bin, Report


def draw_report(report: Report, path: Path) -> None:
    """Write the confusion matrix and the coverage curve as one PNG."""
    metrics = report.all_rows
    figure = Figure(figsize=(10.5, 5.2), dpi=150, layout="constrained")
    confusion, coverage = figure.subplots(1, 2, width_ratios=(1.2, 1))
    _draw_confusion(confusion, np.array(metrics.confusion), report.labels)
    _draw_coverage(coverage, metrics.bins)
    low, high = metrics.interval
    figure.suptitle(
        f"{report.model}: {metrics.accuracy:.1%} ({low:.1%} to {high:.1%}) of {metrics.data}, "
        f"{metrics.rows} rows",
        fontsize=11,
    )
    figure.savefig(path, metadata={"Software": None})  # its version would make files differ


def _draw_confusion(axes: Axes, counts: NDArray[np.int64], labels: tuple[str, ...]) -> None:
    """Draw the rows of each true class by what they were called, as shares."""
    rows = counts.sum(axis=1, keepdims=True)
    names = [f"{label}\n{count}" for label, count in zip(labels, rows[:, 0], strict=True)]
    display = ConfusionMatrixDisplay(counts / np.maximum(rows, 1), display_labels=labels)
    small = {"fontsize": 7}
    display.plot(cmap="Blues", values_format=".0%", ax=axes, colorbar=False, text_kw=small)
    axes.set_xticks(range(len(labels)), labels, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), names)
    axes.set(xlabel="called by the model", ylabel="label, rows")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_coverage(axes: Axes, bins: tuple[Bin, ...]) -> None:
    """Draw the accuracy of the surest answers against their share, less sure bins refused."""
    bins = bins[::-1]
    rows = np.cumsum([one.rows for one in bins])
    accuracy = np.cumsum([one.rows * one.accuracy for one in bins]) / rows
    axes.plot(rows / rows[-1], accuracy, color="#1f5f99", marker="o", markersize=5)
    for one, across, up in zip(bins, rows / rows[-1], accuracy, strict=True):
        if one.rows >= 0.02 * rows[-1]:  # fewer lie one upon the other
            at = (across - 0.01, up - 0.004)
            axes.annotate(f"{one.confidence:.2f}", at, ha="right", va="top", fontsize=7)
    axes.set(xlim=(0, 1.02), xlabel="coverage: share of the rows answered", ylabel="accuracy")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.spines[["top", "right"]].set_visible(False)
