"""The picture of judged detectors: precision against recall, and precision by height."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from converter.detector.average_precision import ALL, BANDS, IOU
from converter.detector.report import RECALLS, DetectorFigures, DetectorReport
from converter.evaluate.plots import new_figure, save, strip

COLORS = ("#1f5f99", "#c2571a", "#3d7a3d", "#7a4a99", "#444444", "#b8860b", "#2a9d9d", "#c94f7c")
STYLES = ("-", "--", ":")


def draw_detectors(report: DetectorReport, path: Path) -> None:
    """Draw each detector's curve, and beside it bars of its average precision by height.

    Args:
        report: of one detector or more.
        path: the .png.
    """
    figure = new_figure(11.0, 4.8)
    curves, bars = figure.subplots(1, 2, width_ratios=(1, 1.3))
    for number, one in enumerate(report.detectors):
        _draw_curve(curves, one, number)
        _draw_bars(bars, one, number, len(report.detectors))
    _finish_curves(curves)
    _finish_bars(bars)
    handles, names = curves.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    save(figure, path)


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]


def _draw_curve(axes: Axes, one: DetectorFigures, number: int) -> None:
    found = one.overall.accuracy[0].average_precision
    axes.plot(
        RECALLS[: len(one.precision)],  # there is no curve where there are no faces
        one.precision,
        color=_color(number),
        linestyle=STYLES[number // len(COLORS) % len(STYLES)],
        label=f"{one.name}: {'-' if found is None else f'{found:.2f}'}, {one.thread_ms:.1f} ms",
    )


def _draw_bars(axes: Axes, one: DetectorFigures, number: int, count: int) -> None:
    by_height = one.overall.accuracy[0].by_height
    width = 0.8 / count
    places = np.arange(len(BANDS)) + (number - (count - 1) / 2) * width
    heights = [by_height[str(band)] or 0.0 for band in BANDS]
    axes.bar(places, heights, width=0.9 * width, color=_color(number))


def _finish_curves(axes: Axes) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.set_title(f"faces of {ALL.low:g} pixels and more, IoU {IOU:g}", fontsize=10, loc="left")
    axes.grid(alpha=0.25)
    strip(axes)


def _finish_bars(axes: Axes) -> None:
    axes.set_xticks(range(len(BANDS)), [str(band) for band in BANDS])
    axes.set(ylim=(0, 1.02), xlabel="height of the face, pixels", ylabel="average precision")
    axes.set_title("by height", fontsize=10, loc="left")
    axes.set_axisbelow(True)
    axes.grid(axis="y", alpha=0.25)
    strip(axes)
