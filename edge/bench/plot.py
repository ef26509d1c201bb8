"""A result as a picture: accuracy against time, and where a frame's time goes."""

import io
from collections.abc import Sequence
from typing import Any

from edge.bench.schema import ModelRow, PipelineRow, Result
from edge.errors import ConfigError

STAGES = (("capture", "#56b4e9"), ("detect", "#0072b2"), ("infer", "#e69f00"), ("publish", "#999"))
"""With colours that people with any colour vision can tell apart (Okabe and Ito 2008)."""

WIDTH, TOP, BAR = 11.0, 4.5, 0.32
"""Inches: of the picture, and the heights of its upper half and of a bar."""


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
    models = [row for row in result.models if row.accuracy is not None and row.batch == 1]
    passes = [row for row in result.pipeline if row.mode == "one thread"]
    below = 1.2 + BAR * max(1, len(passes))
    figure = Figure(figsize=(WIDTH, TOP + below), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, height_ratios=(TOP, below))
    _draw_models(upper, models)
    _draw_stages(lower, passes)
    figure.suptitle(f"{result.machine.cores} x {result.machine.board or result.machine.cpu}")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    return picture.getvalue()


def _draw_models(axes: Any, rows: Sequence[ModelRow]) -> None:
    """Draw each model as a point; the daemon's way, one thread, is filled."""
    for row in rows:
        filled = "#0072b2" if row.threads == 1 else "none"
        axes.scatter(row.p50_ms, 100 * (row.accuracy or 0), s=60, c=filled, edgecolors="#0072b2")
        if row.threads == 1:
            place = (row.p50_ms, 100 * (row.accuracy or 0))
            text = f"{row.model}, {row.runtime}"
            axes.annotate(text, place, xytext=(7, 5), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.15, y=0.15)
    axes.set_xlabel("milliseconds a face (filled: one thread)")
    axes.set_ylabel("accuracy on PublicTest, %")
    axes.grid(visible=True, which="both", alpha=0.3)


def _draw_stages(axes: Any, rows: Sequence[PipelineRow]) -> None:
    """Draw each detector with each model as a bar of its stages, one thread, fastest on top."""
    ordered = sorted(rows, key=lambda row: -row.cost)
    places, left = range(len(ordered)), [0.0] * len(ordered)
    for stage, colour in STAGES:
        widths = [getattr(row, f"{stage}_ms") or 0.0 for row in ordered]
        axes.barh(places, widths, left=left, color=colour, label=stage)
        left = [begin + width for begin, width in zip(left, widths, strict=True)]
    axes.set_yticks(places, [f"{row.detector} + {row.model}, {row.scene}" for row in ordered])
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("milliseconds a frame, one thread")
    axes.legend(loc="lower right")
