"""Result of a benchmark and its machine: JSON, tables, changes since an earlier one, a plot."""

import io
import os
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from importlib.metadata import distributions
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
from rich.console import JustifyMethod
from rich.table import Table

from edge import __version__
from edge.bench.model_bench import DEFAULT_MODEL, FLOAT_MODEL, ComparedRow, ModelRow
from edge.bench.pipeline_bench import STAGES, LiveRow, PipelineRow
from edge.doctor.machine import CPUINFO, INT8_FLAGS, check_throttling
from edge.errors import ConfigError, EmotiondError, Level, os_errors_as
from edge.metrics import SystemStats
from edge.paths import extra_remedy
from edge.tflite import Runtime

TABLES = {  # fields that the table of each part shows (the JSON has all), and a note
    "models": (
        "model runtime accuracy size_mb p50_ms p95_ms times",
        "p50, p95: one call. accuracy: on the first set of the model's card.",
    ),
    "pipeline": (
        "detector model scene mode fps p50_ms times",
        "The detector runs on every frame; nothing is dropped. p50: one frame.",
    ),
    "live": (
        "detector scene fps dropped p95_ms cpu_percent memory_mb",
        "The daemon as a process, watching MJPEG over HTTP. cpu percent: of one core.",
    ),
}

COLORS = ("#56b4e9", "#0072b2", "#e69f00", "#999999")  # for any color vision (Okabe, Ito 2008)
PLOT_WIDTH, TOP_HEIGHT, BAR_HEIGHT = 11.0, 4.5, 0.32  # inches; of plot, upper half and bar
BOARD = Path("/proc/device-tree/model")

PACKAGES = ["ai-edge-litert", "tflite-runtime", "tensorflow", "keras", "numpy", "mediapipe"]
PACKAGES += ["opencv-python-headless", "opencv-python"]
"""Packages whose version changes the figures."""

MAX_REFERENCE_SPREAD = 0.15  # share of its median by which it varies in a quiet run
AnyRow = TypeVar("AnyRow", ModelRow, PipelineRow)
Row = ModelRow | PipelineRow | LiveRow


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Machine that was measured on, and how far its figures can be trusted."""

    time: str
    version: str
    cpu: str
    board: str | None  # name in the device tree
    architecture: str
    cores: int
    features: tuple[str, ...]  # instruction sets that the models gain by
    memory_mb: int
    system: str
    python: str
    packages: dict[str, str]
    temperature: float | None = None  # degrees Celsius of the hottest zone, at the end
    throttling: tuple[str, ...] = ()
    reference_ms: float  # median of `edge.bench.measurement.time_reference`
    reference_spread: float  # its slowest time less its fastest, as a share of the median
    noise: tuple[str, ...]  # reasons not to trust the figures
    not_measured: dict[str, str]


def describe_machine(
    started: datetime, reference: Sequence[float], not_measured: dict[str, str]
) -> Machine:
    """Return the machine, given the milliseconds of the reference computation during the run."""
    versions = {one.name.replace("_", "-"): one.version for one in distributions()}
    middle = median(reference)
    spread = (max(reference) - min(reference)) / middle
    noise = f"the reference computation varied by {spread:.0%}; compare ratios only"
    architecture, cpuinfo, board = platform.machine(), "", None
    with suppress(OSError):
        cpuinfo = CPUINFO.read_text()
        board = BOARD.read_text().rstrip("\0\n")
    cpu = re.search(r"^model name\s*: (.+)", cpuinfo, re.M)
    flags = set(cpuinfo.split())
    return Machine(
        time=started.isoformat(timespec="seconds"),
        version=__version__,
        cpu=cpu[1] if cpu else platform.processor() or architecture,
        board=board,
        architecture=architecture,
        cores=os.cpu_count() or 1,
        features=tuple(flag for flag in INT8_FLAGS.get(architecture, ()) if flag in flags),
        memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages={name: versions[name] for name in PACKAGES if name in versions},
        temperature=SystemStats().sample().temperature,
        throttling=tuple(one.text for one in check_throttling() if one.level is not Level.OK),
        reference_ms=middle,
        reference_spread=spread,
        noise=(noise,) if spread > MAX_REFERENCE_SPREAD else (),
        not_measured=not_measured,
    )


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


def cost(row: Row) -> float:
    """Return the milliseconds that are compared: of a call, of a frame, of CPU time a second."""
    if isinstance(row, ModelRow):
        return row.p50_ms
    return 1000 / row.fps if isinstance(row, PipelineRow) else 10 * row.cpu_percent


def read_result(path: Path) -> Result:
    """Read what `emotiond bench --json` wrote."""
    with os_errors_as(EmotiondError, path):
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=Result)
    except msgspec.MsgspecError as error:
        text = f"{path}: is not what `emotiond bench --json` writes: {error}"
        raise EmotiondError(text) from error


def aggregate(
    results: Iterable[Sequence[Sequence[AnyRow]]], base: str | None = None
) -> list[AnyRow]:
    """Return each request's rows of rounds as one, compared with the row `base`, or the first."""
    rows = [rounds for answers in results for rounds in zip(*answers, strict=True)]
    compared = next((rounds for rounds in rows if rounds[0].name == base), rows[0] if rows else ())
    return [_aggregate(rounds, compared) for rounds in rows]


def _aggregate(rounds: Sequence[AnyRow], base: Sequence[AnyRow]) -> AnyRow:
    """Return medians of times, the minimum of minima, and sums of counts."""
    fields: dict[str, Any] = {}
    for name in rounds[0].__struct_fields__:
        values = [getattr(row, name) for row in rounds]
        if isinstance(values[0], int):
            fields[name] = sum(values)
        elif isinstance(values[0], float):
            fields[name] = min(values) if name.startswith("min_") else median(values)
    # Round by round: what slows a machine down for a while slows down both.
    ratios = [cost(other) / cost(row) for row, other in zip(rounds, base, strict=True)]
    fields |= {"times": median(ratios), "times_low": min(ratios), "times_high": max(ratios)}
    return msgspec.structs.replace(rounds[0], **fields, against=base[0].name)


def tables(result: Result) -> Iterator[tuple[Table, str]]:
    """Yield the table of each part that was measured, and a note about its columns."""
    for part, (fields, note) in TABLES.items():
        rows: Sequence[Row] = getattr(result, part)
        if not rows:
            continue
        table = Table(title=part.capitalize(), title_justify="left", box=None)
        for place, field in enumerate(fields.split()):
            justify: JustifyMethod = "left" if place < 2 else "right"
            table.add_column(field.replace("_", " "), justify=justify, no_wrap=True)
        for row in rows:
            table.add_row(*(_cell(row, field) for field in fields.split()))
        base = getattr(rows[0], "against", None)
        ratios = f" times: as fast as {base} (lowest to highest round)." if base else ""
        yield table, note + ratios


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
    if int8 is None or float32 is None or int8.accuracy is None or float32.accuracy is None:
        return None
    return (
        f"Quantized to int8, the shallow network is {int8.times:.1f} times as fast as in float32 "
        f"({int8.times_low:.1f} to {int8.times_high:.1f} in {int8.rounds} rounds): "
        f"{int8.p50_ms:.2f} instead of {float32.p50_ms:.2f} ms a face on {int8.runtime}, at "
        f"{int8.accuracy:.1%} instead of {float32.accuracy:.1%} accuracy and {int8.size_mb:.1f} "
        f"instead of {float32.size_mb:.1f} MB."
    )


def machine_lines(machine: Machine) -> list[str]:
    """Return what was measured on, and the reasons not to trust it."""
    features = f" with {', '.join(machine.features)}" if machine.features else ""
    board = f"{machine.board}: " if machine.board else ""
    packages = ", ".join(map(" ".join, machine.packages.items()))
    heat = "no thermometer" if machine.temperature is None else f"{machine.temperature:.0f} °C"
    return [
        f"{board}{machine.cores} x {machine.cpu} ({machine.architecture}{features}), "
        f"{machine.memory_mb} MB, {machine.system}, Python {machine.python}",
        f"emotiond {machine.version} at {machine.time}; {packages}",
        f"{heat}, {', '.join(machine.throttling) or 'no throttling known'}",
        f"reference computation {machine.reference_ms:.1f} ms, varying by "
        f"{machine.reference_spread:.0%}",
        *(f"not measured: {name}: {why}" for name, why in machine.not_measured.items()),
        *(f"NOISY: {why}" for why in machine.noise),
    ]


class Change(NamedTuple):
    """New cost of a row over its old one, as measured and without what the machine adds."""

    normalized: float  # each cost as a multiple of the reference computation of its own run
    measured: float
    name: str


def find_comparable(new: Result, old: Sequence[Result]) -> Result | None:
    """Return the first old result from a CPU that has the same features."""
    # On one with instructions for int8 that costs less, which the reference does not make up for.
    cpu = attrgetter("machine.architecture", "machine.features")
    return next((one for one in old if cpu(one) == cpu(new)), None)


def compare(new: Result, old: Result) -> list[Change]:
    """Return the change of each row that both have, the worst first."""
    before = {row.name: cost(row) for row in old.rows if cost(row)}
    machine = old.machine.reference_ms / new.machine.reference_ms
    ratios = {row.name: cost(row) / before[row.name] for row in new.rows if row.name in before}
    changes = (Change(machine * ratio, ratio, name) for name, ratio in ratios.items())
    return sorted(changes, reverse=True)


def plot(result: Result) -> bytes:
    """Return a PNG: accuracy against time, and where the time of a frame goes."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(f"--plot needs matplotlib ({error}): {extra_remedy('plot')}") from error
    pipelines = [row for row in result.pipeline if row.mode == "one thread"]
    bottom = 1.2 + BAR_HEIGHT * max(1, len(pipelines))
    figure = Figure(figsize=(PLOT_WIDTH, TOP_HEIGHT + bottom), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=(TOP_HEIGHT, bottom))
    for row in result.models:
        if row.accuracy is not None:
            point = (row.p50_ms, 100 * row.accuracy)
            upper.scatter(*point, s=60, c="#0072b2")
            upper.annotate(row.name, point, xytext=(7, 5), textcoords="offset points", fontsize=8)
    upper.set(xscale="log", xlabel="milliseconds a face, one thread", ylabel="accuracy, %")
    upper.margins(x=0.15, y=0.15)
    upper.grid(visible=True, which="both", alpha=0.3)
    _draw_stages(lower, sorted(pipelines, key=lambda row: -cost(row)))
    figure.suptitle(f"{result.machine.cores} x {result.machine.board or result.machine.cpu}")
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    return png.getvalue()


def _draw_stages(axes: Any, rows: Sequence[PipelineRow]) -> None:
    """Draw each detector with each model as a bar of its stages, the last on top."""
    left = np.zeros(len(rows))
    for stage, color in zip(STAGES, COLORS, strict=True):
        widths = np.array([getattr(row, f"{stage}_ms") or 0.0 for row in rows])
        axes.barh(range(len(rows)), widths, left=left, color=color, label=stage)
        left = left + widths
    names = [f"{row.detector} + {row.model}, {row.scene}" for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("milliseconds a frame, one thread")
    axes.legend(loc="lower right")
