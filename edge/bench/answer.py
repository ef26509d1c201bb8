"""The question most people have, answered first: what does a quantised model gain?"""

from edge.bench.contest import DEFAULT_MODEL, FLOAT_MODEL
from edge.bench.schema import ModelRow, Result
from edge.tflite import Runtime


def answer(result: Result) -> str:
    """Return shallow float32 against quantised in one sentence, or who was fastest."""
    quantised, plain = (_row(result, name) for name in (DEFAULT_MODEL, FLOAT_MODEL))
    if quantised is not None and plain is not None:
        return (
            f"Quantised to int8, the shallow network is {quantised.times:.1f} times as fast as in "
            f"float32 ({_spread(quantised)}): {quantised.p50_ms:.2f} instead of "
            f"{plain.p50_ms:.2f} ms a face on {quantised.runtime}{_accuracies(quantised, plain)}."
        )
    if result.models:
        best = max(result.models, key=lambda row: row.per_second)
        return f"Fastest is {best.name}: {best.per_second:,.0f} a second, {best.p50_ms:.2f} ms."
    if result.pipeline:
        quickest = max(result.pipeline, key=lambda row: row.fps)
        return f"Fastest is {quickest.name}: {quickest.fps:.0f} frames a second."
    if result.live:
        row = result.live[0]
        return f"{row.name}: {row.cpu_percent:.1f} % of one core, {row.dropped} dropped."
    return "Nothing could be measured."


def _row(result: Result, model: str) -> ModelRow | None:
    """Return a model as the daemon runs it."""
    return next(
        (
            row
            for row in result.models
            if (row.model, row.runtime, row.threads, row.batch) == (model, Runtime.LITERT, 1, 1)
        ),
        None,
    )


def _spread(row: ModelRow) -> str:
    if row.rounds == 1:
        return "measured once"
    return f"{row.times_low:.1f} to {row.times_high:.1f} in {row.rounds} rounds"


def _accuracies(quantised: ModelRow, plain: ModelRow) -> str:
    if quantised.accuracy is None or plain.accuracy is None:
        return ""
    return (
        f", at {quantised.accuracy:.1%} instead of {plain.accuracy:.1%} accuracy and "
        f"{quantised.size_mb:.1f} instead of {plain.size_mb:.1f} MB"
    )
