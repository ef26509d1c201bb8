"""The rows of a result, of what contenders answered."""

from collections.abc import Iterator, Sequence
from statistics import median

import msgspec

from edge.bench.contest import FLOAT_MODEL, PLAIN_MODE, Entry
from edge.bench.schema import ModelRow, PipelineRow
from edge.bench.turns import Rounds
from edge.bench.worker_protocol import NetworkAnswer, PassAnswer, PassTask, PlainAnswer, PlainTask


def model_rows(entries: Sequence[Entry], rounds: Rounds) -> list[ModelRow]:
    """Return the rows of those that were measured, with their ratios."""
    measured = [entry for entry in entries if entry.task in rounds.answers]
    if not measured:
        return []
    base = next((one for one in measured if one.labels["model"] == FLOAT_MODEL), measured[0])
    rows = [_model_row(entry, rounds, base) for entry in measured]
    against = rows[measured.index(base)].name
    return [msgspec.structs.replace(row, against=against) for row in rows]


def pipeline_rows(entries: Sequence[Entry], rounds: Rounds) -> list[PipelineRow]:
    """Return the rows of those that were measured, in one thread and in several, with ratios.

    They are compared with the plain loop where Keras is installed, else with the first in one
    thread.
    """
    measured = [entry for entry in entries if entry.task in rounds.answers]
    if not measured:
        return []
    base = [answer.fps for answer in rounds.answers[measured[0].task]]
    rows = [row for entry in measured for row in _pipeline_rows(entry, rounds, base)]
    return [msgspec.structs.replace(row, against=rows[0].name) for row in rows]


def failures(entries: Sequence[Entry], rounds: Rounds) -> dict[str, str]:
    """Return who could not be measured, and why; once for each reason of a contender."""
    failed = [entry for entry in entries if entry.task in rounds.failures]
    return {entry.name: rounds.failures[entry.task] for entry in failed}


def _model_row(entry: Entry, rounds: Rounds, base: Entry) -> ModelRow:
    answers: list[NetworkAnswer] = rounds.answers[entry.task]
    batch = int(str(entry.labels["batch"]))
    each = [answer.call.p50 / batch for answer in answers]
    base_batch = int(str(base.labels["batch"]))
    other = [answer.call.p50 / base_batch for answer in rounds.answers[base.task]]
    p50 = median(answer.call.p50 for answer in answers)
    return msgspec.convert(
        {
            **entry.labels,
            **_ratios([1 / one for one in each], [1 / one for one in other]),
            "load_ms": median(answer.load for answer in answers),
            "first_ms": median(answer.first for answer in answers),
            "p50_ms": p50,
            "p95_ms": median(answer.call.p95 for answer in answers),
            "min_ms": min(answer.call.fastest for answer in answers),
            "per_second": 1000 * batch / p50,
            "memory_mb": median(answer.memory for answer in answers),
            "against": "",
            "rounds": len(answers),
        },
        ModelRow,
    )


def _pipeline_rows(entry: Entry, rounds: Rounds, base: Sequence[float]) -> Iterator[PipelineRow]:
    answers = rounds.answers[entry.task]
    common = {**entry.labels, "against": "", "rounds": len(answers)}
    common["memory_mb"] = median(answer.memory for answer in answers)
    common["faces"] = median(answer.faces for answer in answers)
    stages = {
        f"{name}_ms": median(answer.stages[name] for answer in answers)
        for name in answers[0].stages
    }
    mode = PLAIN_MODE if isinstance(entry.task, PlainTask) else "one thread"
    speeds = [answer.fps for answer in answers]
    yield _row({**common, **stages, "mode": mode}, answers, "frame", speeds, base)
    if isinstance(entry.task, PassTask):
        live = {
            "mode": "threads",
            "dropped": sum(answer.dropped for answer in answers),
            "cpu_ms": median(answer.cpu for answer in answers),
        }
        speeds = [answer.threaded_fps for answer in answers]
        yield _row({**common, **live}, answers, "latency", speeds, base)


def _row(
    labels: dict[str, object],
    answers: Sequence[PassAnswer | PlainAnswer],
    timed: str,
    speeds: Sequence[float],
    base: Sequence[float],
) -> PipelineRow:
    timings = [getattr(answer, timed) for answer in answers]
    percentiles = {
        f"{name}_ms": median(getattr(timing, name) for timing in timings)
        for name in ("p50", "p95", "p99")
    }
    figures = {**percentiles, **_ratios(speeds, base), "fps": median(speeds)}
    return msgspec.convert({**labels, **figures}, PipelineRow)


def _ratios(speeds: Sequence[float], base: Sequence[float]) -> dict[str, float]:
    """Return how many times as fast one is as another, round by round."""
    ratios = [one / other for one, other in zip(speeds, base, strict=True)]
    return {"times": median(ratios), "times_low": min(ratios), "times_high": max(ratios)}
