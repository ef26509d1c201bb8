"""Plots of an evaluation: confusion matrix, reliability diagram, risk-coverage curve."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from converter.evaluate.metrics import wilson_interval
from converter.evaluate.report import Calibration, ModelMetrics, Report

DPI = 150
INK, ACCENT, PALE = "#222222", "#1f5f99", "#c9d8e6"


def draw_report(report: Report, folder: Path, stem: str) -> list[Path]:
    """Write `stem`-confusion.png, -reliability.png and -coverage.png into `folder`."""
    figures = {
        folder / f"{stem}-confusion.png": _confusion(report),
        folder / f"{stem}-reliability.png": _reliability(report),
        folder / f"{stem}-coverage.png": _coverage(report),
    }
    for path, figure in figures.items():
        save(figure, path)
    return list(figures)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, that belongs to no window."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, without the date and version that would make each file differ."""
    figure.savefig(path, metadata={"Software": None})


def strip(axes: Axes) -> None:
    """Leave of the frame what is read: the left and the lower edge."""
    axes.spines[["top", "right"]].set_visible(False)


def _confusion(report: Report) -> Figure:
    """Draw the rows of each true class by what they were called, as shares and counts."""
    metrics, labels = report.all_rows, report.labels
    counts = np.array(metrics.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.3 + 0.72 * len(labels)
    figure = new_figure(side + 1.0, side)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    _write_cells(axes, shares, counts)
    places = range(len(labels))
    axes.set_xticks(places, labels, rotation=35, ha="right", rotation_mode="anchor")
    rows = counts.sum(axis=1).tolist()
    axes.set_yticks(
        places, [f"{label}\n{count}" for label, count in zip(labels, rows, strict=True)]
    )
    axes.set_xlabel("called by the model")
    axes.set_ylabel("label, rows")
    axes.set_title(_title(report.model, metrics), fontsize=10)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=lambda value, _: f"{value:.0%}")
    bar.set_label("share of the row")
    bar.outline.set_visible(False)
    return figure


def _write_cells(axes: Axes, shares: Any, counts: Any) -> None:
    for (row, column), share in np.ndenumerate(shares):
        dark = "white" if share > 0.5 else INK
        text = f"{share:.0%}\n{counts[row, column]}"
        axes.text(column, row, text, ha="center", va="center", color=dark, fontsize=8)


def _reliability(report: Report) -> Figure:
    """Draw accuracy against confidence, and below how many rows have which confidence."""
    metrics = report.all_rows
    figure = new_figure(5.2, 6.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _draw_accuracy(above, metrics.calibration)
    above.set_title(_title(report.model, metrics), fontsize=10)
    _draw_histogram(below, metrics.calibration)
    return figure


def _draw_accuracy(axes: Axes, calibration: Calibration) -> None:
    confidence = [one.confidence for one in calibration.bins]
    accuracy = [one.accuracy for one in calibration.bins]
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="honest")
    spread = [wilson_interval(round(one.accuracy * one.rows), one.rows) for one in calibration.bins]
    axes.vlines(confidence, *zip(*spread, strict=True), color=PALE, linewidth=5, label="95 %")
    axes.plot(confidence, accuracy, color=ACCENT, marker="o", markersize=5, label="measured")
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    text = (
        f"expected calibration error\n{calibration.unscaled:.3f} unscaled\n"
        f"{calibration.scaled:.3f} at the card's {calibration.temperature:g}"
    )
    if calibration.cross_fitted is not None:
        text += f"\n{calibration.cross_fitted:.3f} cross-fitted"
    axes.text(0.97, 0.04, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=9)
    axes.legend(loc="upper left", frameon=False)
    strip(axes)


def _draw_histogram(axes: Axes, calibration: Calibration) -> None:
    rows = [one.rows for one in calibration.bins]
    confidence = [one.confidence for one in calibration.bins]
    axes.bar(confidence, np.array(rows) / sum(rows), width=0.05, color=ACCENT)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set(xlabel="confidence", ylabel="rows")
    strip(axes)


def _coverage(report: Report) -> Figure:
    """Draw the accuracy of the surest answers against their share of all rows.

    Each point is a bin of the reliability diagram: what comes of refusing all answers below it.
    """
    bins = report.all_rows.calibration.bins[::-1]
    rows = np.cumsum([one.rows for one in bins])
    right = np.cumsum([one.rows * one.accuracy for one in bins])
    figure = new_figure(5.2, 4.2)
    axes = figure.add_subplot()
    axes.plot(rows / rows[-1], right / rows, color=ACCENT, marker="o", markersize=5)
    for one, across, up in zip(bins, rows / rows[-1], right / rows, strict=True):
        if one.rows >= 0.02 * rows[-1]:  # fewer lie one upon the other
            at = (across - 0.01, up - 0.004)
            axes.annotate(f"{one.confidence:.2f}", at, ha="right", va="top", fontsize=7)
    axes.set(xlim=(0, 1.02), xlabel="coverage: share of the rows answered", ylabel="accuracy")
    axes.set_title(_title(report.model, report.all_rows), fontsize=10)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    strip(axes)
    return figure


def _title(model: str, metrics: ModelMetrics) -> str:
    low, high = metrics.interval
    return (
        f"{model}: {metrics.accuracy:.1%} ({low:.1%} to {high:.1%})\n"
        f"of {metrics.data}, {metrics.rows} rows"
    )
