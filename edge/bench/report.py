"""Result of a benchmark: as JSON, as tables, as changes since an earlier one, and as a plot."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import JustifyMethod
from rich.table import Table

from edge.bench.live_bench import LiveRow
from edge.bench.machine_info import Machine
from edge.bench.measurement import ComparedRow
from edge.bench.model_bench import DEFAULT_MODEL, FLOAT_MODEL, ModelRow
from edge.bench.pipeline_bench import PipelineRow
from edge.errors import ConfigError, EmotiondError
from edge.tflite import Runtime

COLUMNS = {
    "models": ("model", "runtime", "accuracy", "size_mb", "p50_ms", "p95_ms", "times"),
    "pipeline": ("detector", "model", "scene", "mode", "fps", "p50_ms", "times"),
    "live": ("detector", "scene", "fps", "dropped", "p95_ms", "cpu_percent", "memory_mb"),
}
"""Fields of the rows that the tables show; the JSON has all."""

STAGES = (("capture", "#56b4e9"), ("detect", "#0072b2"), ("infer", "#e69f00"), ("publish", "#999"))
"""Stages with colors that people with any color vision can tell apart (Okabe and Ito 2008)."""

PLOT_WIDTH, TOP_HEIGHT, BAR_HEIGHT = 11.0, 4.5, 0.32
"""Inches: width of the plot, height of its upper half, and height of a bar."""


Row = ModelRow | PipelineRow | LiveRow
"""Each has a `name` and the `cost` in milliseconds by which results are compared."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All measurements of one run."""

    machine: Machine
    models: list[ModelRow]
    pipeline: list[PipelineRow]
    live: list[LiveRow]

    @property
    def rows(self) -> list[Row]:
        """Every row."""
        return [*self.models, *self.pipeline, *self.live]


def read_result(path: Path) -> Result:
    """Read what `emotiond bench --json` wrote.

    Raises:
        EmotiondError: it cannot be read, or is something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except OSError as error:
        raise EmotiondError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise EmotiondError(
            f"{path}: is not what `emotiond bench --json` writes: {error}"
        ) from error


def tables(result: Result) -> Iterator[tuple[Table, str]]:
    """Yield the table of each part that was measured, and a note about its columns."""
    notes = {
        "models": "p50, p95: one call. accuracy: on the first set of the model's card.",
        "pipeline": "The detector runs on every frame; nothing is dropped. p50: one frame.",
        "live": "The daemon as a process, watching MJPEG over HTTP. cpu percent: of one core.",
    }
    for part, columns in COLUMNS.items():
        rows: Sequence[Row] = getattr(result, part)
        if not rows:
            continue
        table = Table(title=part.capitalize(), title_justify="left", box=None)
        for place, field in enumerate(columns):
            justify: JustifyMethod = "left" if place < 2 else "right"
            table.add_column(field.replace("_", " "), justify=justify, no_wrap=True)
        for row in rows:
            table.add_row(*(_cell(row, field) for field in columns))
        note = notes[part]
        if isinstance(rows[0], ComparedRow):
            note += f" times: as fast as {rows[0].against} (lowest to highest round)."
        yield table, note


def _cell(row: Row, field: str) -> str:
    if field == "times" and isinstance(row, ComparedRow):
        return f"{row.times:.2f} ({row.times_low:.2f}-{row.times_high:.2f})"
    value = getattr(row, field)
    if isinstance(value, float):
        digits = next((number for number in range(3) if abs(value) >= 100 / 10**number), 3)
        return f"{value:,.{digits}f}"
    return "" if value is None else str(value)


def headline(result: Result) -> str | None:
    """Return the gain of int8 over float32 in one sentence; None where not both were measured."""
    litert = {row.model: row for row in result.models if row.runtime == Runtime.LITERT}
    int8, float32 = litert.get(DEFAULT_MODEL), litert.get(FLOAT_MODEL)
    if int8 is None or float32 is None:
        return None
    text = (
        f"Quantized to int8, the shallow network is {int8.times:.1f} times as fast as in float32 "
        f"({int8.times_low:.1f} to {int8.times_high:.1f} in {int8.rounds} rounds): "
        f"{int8.p50_ms:.2f} instead of {float32.p50_ms:.2f} ms a face on {int8.runtime}"
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
        f"{_temperature(machine)}, {', '.join(machine.throttling) or 'no throttling known'}",
        f"reference computation {machine.reference_ms:.1f} ms, varying by "
        f"{machine.reference_spread:.0%}",
        *(f"not measured: {name}: {why}" for name, why in machine.not_measured.items()),
        *(f"NOISY: {why}" for why in machine.noise),
    ]


def _temperature(machine: Machine) -> str:
    known = machine.temperature
    return "no thermometer" if known is None else f"{known:.0f} °C"


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
