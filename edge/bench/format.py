"""A result as text, Markdown and CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec
from rich.console import Console
from rich.table import Table

from edge.bench.answer import answer
from edge.bench.schema import Conditions, Machine, ModelRow, PipelineRow, Result, Row

PARTS = ("models", "pipeline", "live")

WIDE = 220
"""Characters that hold every column."""

NARROW = frozenset({"model", "runtime", "threads", "batch", "right", "p50 ms", "times", "detector"})
NARROW |= {"scene", "mode", "fps", "% of a core"}
"""The columns that are shown where there is less room; the other forms have all."""

Column = tuple[str, Callable[..., str]]


def _merit(row: ModelRow) -> str:
    if row.accuracy is not None:
        return f"{row.accuracy:.1%}"
    return "" if row.average_precision is None else f"AP {row.average_precision:.2f}"


def _times(row: ModelRow | PipelineRow) -> str:
    spread = f" ({row.times_low:.2f}-{row.times_high:.2f})" if row.rounds > 1 else ""
    return f"{row.times:.2f}{spread}"


def _maybe(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


MODELS: tuple[Column, ...] = (
    ("model", lambda row: row.model),
    ("runtime", lambda row: row.runtime),
    ("threads", lambda row: str(row.threads)),
    ("batch", lambda row: str(row.batch)),
    ("right", _merit),
    ("MB", lambda row: f"{row.size_mb:.2f}"),
    ("load ms", lambda row: f"{row.load_ms:.1f}"),
    ("first ms", lambda row: f"{row.first_ms:.2f}"),
    ("p50 ms", lambda row: f"{row.p50_ms:.3f}"),
    ("p95 ms", lambda row: f"{row.p95_ms:.3f}"),
    ("min ms", lambda row: f"{row.min_ms:.3f}"),
    ("a second", lambda row: f"{row.per_second:,.0f}"),
    ("memory MB", lambda row: f"{row.memory_mb:.1f}"),
    ("times", _times),
)
PIPELINE: tuple[Column, ...] = (
    ("detector", lambda row: row.detector),
    ("model", lambda row: row.model),
    ("scene", lambda row: row.scene),
    ("mode", lambda row: row.mode),
    ("fps", lambda row: f"{row.fps:.0f}"),
    ("capture", lambda row: _maybe(row.capture_ms)),
    ("detect", lambda row: _maybe(row.detect_ms)),
    ("infer", lambda row: _maybe(row.infer_ms)),
    ("publish", lambda row: _maybe(row.publish_ms)),
    ("p50 ms", lambda row: f"{row.p50_ms:.2f}"),
    ("p95 ms", lambda row: f"{row.p95_ms:.2f}"),
    ("p99 ms", lambda row: f"{row.p99_ms:.2f}"),
    ("dropped", lambda row: "" if row.dropped is None else str(row.dropped)),
    ("CPU ms", lambda row: _maybe(row.cpu_ms)),
    ("memory MB", lambda row: f"{row.memory_mb:.0f}"),
    ("faces", lambda row: f"{row.faces:.2f}"),
    ("times", _times),
)
LIVE: tuple[Column, ...] = (
    ("detector", lambda row: row.detector),
    ("model", lambda row: row.model),
    ("scene", lambda row: row.scene),
    ("source fps", lambda row: f"{row.source_fps:g}"),
    ("fps", lambda row: f"{row.fps:.1f}"),
    ("frames", lambda row: str(row.frames)),
    ("dropped", lambda row: str(row.dropped)),
    ("p50 ms", lambda row: f"{row.p50_ms:.1f}"),
    ("p95 ms", lambda row: f"{row.p95_ms:.1f}"),
    ("event p95 ms", lambda row: _maybe(row.event_p95_ms, 1)),
    ("% of a core", lambda row: f"{row.cpu_percent:.1f}"),
    ("memory MB", lambda row: f"{row.memory_mb:.0f}"),
    ("first event s", lambda row: _maybe(row.first_event_s)),
)


@dataclass(frozen=True, slots=True)
class Grid:
    """One table.

    Attributes:
        title: what it shows.
        heads: of its columns.
        rows: their cells.
        note: what must be known to read it.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str


def grids(result: Result) -> list[Grid]:
    """Return a table for each part that was measured."""
    parts: tuple[tuple[str, Sequence[Row], Sequence[Column], str], ...] = (
        ("Models", result.models, MODELS, _models_note(result.models)),
        ("Pipeline", result.pipeline, PIPELINE, _pipeline_note(result.pipeline)),
        ("Live", result.live, LIVE, "The daemon as a process, watching MJPEG over HTTP."),
    )
    return [_grid(title, rows, columns, note) for title, rows, columns, note in parts if rows]


def print_result(result: Result, console: Console) -> None:
    """Print the answer, the tables and the machine."""
    console.print(answer(result), highlight=False)
    for grid in grids(result):
        console.print()
        console.print(_table(grid, narrow=console.width < WIDE))
        console.print(grid.note, highlight=False)
    console.print()
    for line in machine_lines(result.machine):
        console.print(line, highlight=False)


def _table(grid: Grid, narrow: bool) -> Table:
    shown = [place for place, head in enumerate(grid.heads) if not narrow or head in NARROW]
    table = Table(title=grid.title, title_justify="left", box=None)
    for place in shown:
        table.add_column(grid.heads[place], justify="left" if place < 2 else "right", no_wrap=True)
    for row in grid.rows:
        table.add_row(*(row[place] for place in shown))
    return table


def markdown(result: Result) -> str:
    """Return the answer, the tables and the machine as Markdown."""
    blocks = [answer(result)]
    for grid in grids(result):
        ruler = ["---"] * len(grid.heads)
        lines = [f"| {' | '.join(cells)} |" for cells in (grid.heads, ruler, *grid.rows)]
        blocks += [f"## {grid.title}", "\n".join(lines), grid.note]
    blocks.append("\n".join(f"- {line}" for line in machine_lines(result.machine)))
    return "\n\n".join(blocks) + "\n"


def comma_separated(result: Result) -> str:
    """Return every row as a line, with the columns of all parts; what a part has not is empty."""
    rows = [
        {"part": part, **msgspec.structs.asdict(row)}
        for part in PARTS
        for row in getattr(result, part)
    ]
    heads = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, heads, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def machine_lines(machine: Machine) -> list[str]:
    """Return what was measured on, and what speaks against trusting it."""
    features = f" with {', '.join(machine.features)}" if machine.features else ""
    board = f"{machine.board}: " if machine.board else ""
    packages = ", ".join(f"{name} {number}" for name, number in machine.packages.items())
    lines = [
        f"{board}{machine.cores} x {machine.cpu} ({machine.architecture}{features}), "
        f"{machine.memory_mb} MB, {machine.system}, Python {machine.python}",
        f"emotiond {machine.version} at {machine.time}; {packages}",
        f"before: {_conditions(machine.before)}; after: {_conditions(machine.after)}",
        f"reference computation {machine.reference_ms:.1f} ms, varying by "
        f"{machine.reference_spread:.0%}; others took {machine.others:.0%} of the processor",
    ]
    lines += [f"not measured: {name}: {why}" for name, why in machine.not_measured.items()]
    return lines + [f"NOISY: {why}" for why in machine.noise]


def _conditions(now: Conditions) -> str:
    words = [
        "no thermometer" if now.temperature is None else f"{now.temperature:.0f} °C",
        f"governor {now.governor or 'unknown'}",
        *([f"{now.mhz} MHz"] if now.mhz else []),
        *(now.throttling or ("no throttling known",)),
    ]
    return ", ".join(words)


def _grid(title: str, rows: Iterable[Row], columns: Sequence[Column], note: str) -> Grid:
    heads = [head for head, _ in columns]
    return Grid(title, heads, [[cell(row) for _, cell in columns] for row in rows], note)


def _models_note(rows: Sequence[ModelRow]) -> str:
    if not rows:
        return ""
    return (
        "p50, p95, min: one call, whatever its batch. right: accuracy on the card's first set, "
        f"AP of detectors. times: as fast a face as {rows[0].against} (lowest to highest round)."
    )


def _pipeline_note(rows: Sequence[PipelineRow]) -> str:
    if not rows:
        return ""
    return (
        "The detector runs on every frame. Stages in ms a frame. fps: as fast as it goes, nothing "
        "dropped. With threads, p50 to p99 (capture to publish), dropped and CPU are at a camera's "
        f"pace. times: as many frames a second as {rows[0].against} (lowest to highest round)."
    )
