"""Plot of a result: accuracy against time, and where the time of a frame goes."""

import io
from collections.abc import Sequence
from typing import Any

from edge.bench.schema import ModelRow, PipelineRow, Result
from edge.errors import ConfigError

STAGES = (("capture", "#56b4e9"), ("detect", "#0072b2"), ("infer", "#e69f00"), ("publish", "#999"))
"""Stages with colors that people with any color vision can tell apart (Okabe and Ito 2008)."""

WIDTH, TOP, BAR = 11.0, 4.5, 0.32
"""Inches: width of the plot, height of its upper half, and height of a bar."""


def plot(result: Result) -> bytes:
    """Return a PNG.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            f"--plot needs matplotlib ({error}): pip install 'emotiond[plot]'"
        ) from error
    models = [row for row in result.models if row.accuracy is not None]
    pipelines = [row for row in result.pipeline if row.mode == "one thread"]
    bottom = 1.2 + BAR * max(1, len(pipelines))
    figure = Figure(figsize=(WIDTH, TOP + bottom), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, height_ratios=(TOP, bottom))
    _draw_models(upper, models)
    _draw_stages(lower, pipelines)
    figure.suptitle(f"{result.machine.cores} x {result.machine.board or result.machine.cpu}")
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    return png.getvalue()


def _draw_models(axes: Any, rows: Sequence[ModelRow]) -> None:
    """Draw each model as a point."""
    for row in rows:
        point = (row.p50_ms, 100 * (row.accuracy or 0))
        axes.scatter(*point, s=60, c="#0072b2")
        label = f"{row.model}, {row.runtime}"
        axes.annotate(label, point, xytext=(7, 5), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.15, y=0.15)
    axes.set_xlabel("milliseconds a face, one thread")
    axes.set_ylabel("accuracy, %")
    axes.grid(visible=True, which="both", alpha=0.3)


def _draw_stages(axes: Any, rows: Sequence[PipelineRow]) -> None:
    """Draw each detector with each model as a bar of its stages, the fastest on top."""
    ordered = sorted(rows, key=lambda row: -row.cost)
    places, left = range(len(ordered)), [0.0] * len(ordered)
    for stage, color in STAGES:
        widths = [getattr(row, f"{stage}_ms") or 0.0 for row in ordered]
        axes.barh(places, widths, left=left, color=color, label=stage)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(places, [f"{row.detector} + {row.model}, {row.scene}" for row in ordered])
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("milliseconds a frame, one thread")
    axes.legend(loc="lower right")
