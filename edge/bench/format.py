"""Formatting of a result: a headline, a table for each part, and the machine."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from edge.bench.schema import (
    DEFAULT_MODEL,
    FLOAT_MODEL,
    Conditions,
    LiveRow,
    Machine,
    ModelRow,
    Result,
    Row,
)
from edge.tflite import Runtime

WIDE = 220
"""Characters that hold every column."""

MODEL_COLUMNS = (
    *("model", "runtime", "accuracy", "average_precision", "size_mb", "load_ms", "first_ms"),
    *("p50_ms", "p95_ms", "min_ms", "per_second", "memory_mb", "times"),
)
PIPELINE_COLUMNS = (
    *("detector", "model", "scene", "mode", "fps", "capture_ms", "detect_ms", "infer_ms"),
    *("publish_ms", "p50_ms", "p95_ms", "p99_ms", "dropped", "cpu_ms", "memory_mb", "faces"),
    "times",
)
LIVE_COLUMNS = (
    *("detector", "model", "scene", "source_fps", "fps", "frames", "dropped", "p50_ms", "p95_ms"),
    *("event_p95_ms", "cpu_percent", "memory_mb", "first_event_s"),
)
NARROW = frozenset(
    {"model", "runtime", "accuracy", "p50_ms", "times", "detector", "scene", "mode", "fps"}
    | {"cpu_percent"}
)
"""Fields of the rows that are shown, and those that are shown where there is less room."""


def print_result(result: Result, console: Console) -> None:
    """Print the headline, the tables and the machine."""
    console.print(headline(result), highlight=False)
    for title, rows, columns, note in _parts(result):
        shown = [one for one in columns if console.width >= WIDE or one in NARROW]
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


def _parts(result: Result) -> Iterator[tuple[str, Sequence[Row], Sequence[str], str]]:
    """Yield title, rows, columns and note of each part that was measured."""
    if result.models:
        note = (
            "p50, p95, min: one call. accuracy, average precision: on the card's first set. "
            f"times: as fast as {result.models[0].against} (lowest to highest round)."
        )
        yield "Models", result.models, MODEL_COLUMNS, note
    if result.pipeline:
        note = (
            "The detector runs on every frame. Stages in ms a frame. fps: as fast as it goes, "
            "nothing dropped. With threads, p50 to p99 (capture to publish), dropped and CPU are "
            "at a camera's rate. times: as many frames a second as "
            f"{result.pipeline[0].against} (lowest to highest round)."
        )
        yield "Pipeline", result.pipeline, PIPELINE_COLUMNS, note
    if result.live:
        note = "The daemon as a process, watching MJPEG over HTTP. CPU: of one core."
        yield "Live", result.live, LIVE_COLUMNS, note


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
    lines = [
        f"{board}{machine.cores} x {machine.cpu} ({machine.architecture}{features}), "
        f"{machine.memory_mb} MB, {machine.system}, Python {machine.python}",
        f"emotiond {machine.version} at {machine.time}; {packages}",
        f"before: {_conditions(machine.before)}; after: {_conditions(machine.after)}",
        f"reference computation {machine.reference_ms:.1f} ms, varying by "
        f"{machine.reference_spread:.0%}; others took {machine.others:.0%} of the CPU",
    ]
    lines += [f"not measured: {name}: {why}" for name, why in machine.not_measured.items()]
    return lines + [f"NOISY: {why}" for why in machine.noise]


def _conditions(now: Conditions) -> str:
    parts = [
        "no thermometer" if now.temperature is None else f"{now.temperature:.0f} °C",
        f"governor {now.governor or 'unknown'}",
        *([f"{now.mhz} MHz"] if now.mhz else []),
        *(now.throttling or ("no throttling known",)),
    ]
    return ", ".join(parts)
