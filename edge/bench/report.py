"""Report of a result: a headline, a table for each part, the machine, changes, and a plot."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from edge.bench.schema import (
    DEFAULT_MODEL,
    FLOAT_MODEL,
    Conditions,
    LiveRow,
    Machine,
    ModelRow,
    PipelineRow,
    Result,
    Row,
)
from edge.errors import ConfigError
from edge.tflite import Runtime

WIDE = 220
"""Characters that hold every column."""

HIDDEN = frozenset({"times_low", "times_high", "against", "rounds", "seconds"})
"""Fields of the rows that have no column of their own."""

NARROW = frozenset(
    {"model", "runtime", "accuracy", "p50_ms", "times", "detector", "scene", "mode", "fps"}
    | {"cpu_percent"}
)
"""Fields that are shown where there is less room."""

STAGES = (("capture", "#56b4e9"), ("detect", "#0072b2"), ("infer", "#e69f00"), ("publish", "#999"))
"""Stages with colors that people with any color vision can tell apart (Okabe and Ito 2008)."""

PLOT_WIDTH, TOP_HEIGHT, BAR_HEIGHT = 11.0, 4.5, 0.32
"""Inches: width of the plot, height of its upper half, and height of a bar."""


def print_result(result: Result, console: Console) -> None:
    """Print the headline, the tables and the machine."""
    console.print(headline(result), highlight=False)
    for title, rows, note in _parts(result):
        columns = [field for field in rows[0].__struct_fields__ if field not in HIDDEN]
        columns.sort(key=lambda field: field == "times")  # it comes last
        shown = [field for field in columns if console.width >= WIDE or field in NARROW]
        table = Table(title=title, title_justify="left", box=None)
        for place, field in enumerate(shown):
            head = field.replace("_", " ")
            table.add_column(head, justify="left" if place < 2 else "right", no_wrap=True)
        for row in rows:
            table.add_row(*(_cell(row, field) for field in shown))
        console.print()
        console.print(table)
        console.print(note, highlight=False)
    console.print()
    for line in machine_lines(result.machine):
        console.print(line, highlight=False)


def _parts(result: Result) -> Iterator[tuple[str, Sequence[Row], str]]:
    """Yield title, rows and note of each part that was measured."""
    if result.models:
        note = (
            "p50, p95, min: one call. accuracy, average precision: on the card's first set. "
            f"times: as fast as {result.models[0].against} (lowest to highest round)."
        )
        yield "Models", result.models, note
    if result.pipeline:
        note = (
            "The detector runs on every frame. Stages in ms a frame. fps: as fast as it goes, "
            "nothing dropped. With threads, p50 to p99 (capture to publish), dropped and CPU are "
            "at a camera's rate. times: as many frames a second as "
            f"{result.pipeline[0].against} (lowest to highest round)."
        )
        yield "Pipeline", result.pipeline, note
    if result.live:
        note = "The daemon as a process, watching MJPEG over HTTP. CPU: of one core."
        yield "Live", result.live, note


def _cell(row: Row, field: str) -> str:
    if field == "times" and not isinstance(row, LiveRow) and row.rounds > 1:
        return f"{row.times:.2f} ({row.times_low:.2f}-{row.times_high:.2f})"
    value = getattr(row, field)
    if isinstance(value, float):
        digits = next((number for number in range(3) if abs(value) >= 100 / 10**number), 3)
        return f"{value:,.{digits}f}"
    return "" if value is None else str(value)


def headline(result: Result) -> str:
    """Return the gain of int8 over float32 in one sentence, or what was fastest."""
    litert = {row.model: row for row in result.models if row.runtime == Runtime.LITERT}
    int8, float32 = litert.get(DEFAULT_MODEL), litert.get(FLOAT_MODEL)
    if int8 is not None and float32 is not None:
        return _quantization_gain(int8, float32)
    if result.models:
        best = max(result.models, key=lambda row: row.per_second)
        return f"Fastest is {best.name}: {best.per_second:,.0f} a second, {best.p50_ms:.2f} ms."
    if result.pipeline:
        fastest = max(result.pipeline, key=lambda row: row.fps)
        return f"Fastest is {fastest.name}: {fastest.fps:.0f} frames a second."
    if result.live:
        row = result.live[0]
        return f"{row.name}: {row.cpu_percent:.1f} % of one core, {row.dropped} dropped."
    return "Nothing could be measured."


def _quantization_gain(int8: ModelRow, float32: ModelRow) -> str:
    spread = f"{int8.times_low:.1f} to {int8.times_high:.1f} in {int8.rounds} rounds"
    text = (
        f"Quantized to int8, the shallow network is {int8.times:.1f} times as fast as in float32 "
        f"({spread if int8.rounds > 1 else 'measured once'}): {int8.p50_ms:.2f} instead of "
        f"{float32.p50_ms:.2f} ms a face on {int8.runtime}"
    )
    if int8.accuracy is not None and float32.accuracy is not None:
        text += (
            f", at {int8.accuracy:.1%} instead of {float32.accuracy:.1%} accuracy and "
            f"{int8.size_mb:.1f} instead of {float32.size_mb:.1f} MB"
        )
    return f"{text}."


def machine_lines(machine: Machine) -> list[str]:
    """Return what was measured on, and the reasons not to trust it."""
    features = f" with {', '.join(machine.features)}" if machine.features else ""
    board = f"{machine.board}: " if machine.board else ""
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return [
        f"{board}{machine.cores} x {machine.cpu} ({machine.architecture}{features}), "
        f"{machine.memory_mb} MB, {machine.system}, Python {machine.python}",
        f"emotiond {machine.version} at {machine.time}; {packages}",
        f"before: {_conditions(machine.before)}; after: {_conditions(machine.after)}",
        f"reference computation {machine.reference_ms:.1f} ms, varying by "
        f"{machine.reference_spread:.0%}; others took {machine.others:.0%} of the CPU",
        *(f"not measured: {name}: {why}" for name, why in machine.not_measured.items()),
        *(f"NOISY: {why}" for why in machine.noise),
    ]


def _conditions(now: Conditions) -> str:
    parts = [
        "no thermometer" if now.temperature is None else f"{now.temperature:.0f} °C",
        f"governor {now.governor or 'unknown'}",
        *([f"{now.mhz} MHz"] if now.mhz else []),
        *(now.throttling or ("no throttling known",)),
    ]
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Change:
    """Change of one row since an earlier result.

    Attributes:
        name: of the row.
        measured: its new cost over its old one.
        normalized: the same with each cost as a multiple of the reference computation of its own
            run, so that a slower or busier machine does not count.
    """

    name: str
    measured: float
    normalized: float


def find_comparable(new: Result, old: Sequence[Result]) -> Result | None:
    """Return the first old result from a CPU that has the same features.

    int8 costs something else on a CPU with instructions for it, which the reference computation
    does not make up for.
    """

    def cpu(result: Result) -> tuple[str, frozenset[str]]:
        return result.machine.architecture, frozenset(result.machine.features)

    return next((one for one in old if cpu(one) == cpu(new)), None)


def compare(new: Result, old: Result) -> list[Change]:
    """Return the change of each row that both have, the worst first."""
    old_costs = {row.name: row.cost for row in old.rows}
    machine = old.machine.reference_ms / new.machine.reference_ms
    ratios = {
        row.name: row.cost / old_costs[row.name] for row in new.rows if old_costs.get(row.name)
    }
    changes = [Change(name, ratio, machine * ratio) for name, ratio in ratios.items()]
    return sorted(changes, key=lambda change: -change.normalized)


def format_change(change: Change, limit: float) -> str:
    """Return one line about a change."""
    return (
        f"{change.normalized:6.2f}  ({change.measured:.2f} as measured)  {change.name}"
        f"{'  TOO SLOW' if change.normalized > limit else ''}"
    )


def plot(result: Result) -> bytes:
    """Return a PNG: accuracy against time, and where the time of a frame goes.

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
    bottom = 1.2 + BAR_HEIGHT * max(1, len(pipelines))
    figure = Figure(figsize=(PLOT_WIDTH, TOP_HEIGHT + bottom), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, height_ratios=(TOP_HEIGHT, bottom))
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
        axes.annotate(row.name, point, xytext=(7, 5), textcoords="offset points", fontsize=8)
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
