"""Comparison: of rows within a run, round by round, and of two results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

import msgspec

from edge.bench.schema import ModelRow, PipelineRow, Result
from edge.bench.worker_protocol import Request

AnyRow = TypeVar("AnyRow", ModelRow, PipelineRow)


def aggregate(
    results: Mapping[Request, Sequence[Sequence[AnyRow]]], base_model: str | None = None
) -> list[AnyRow]:
    """Return each row that requests were answered with, its rounds taken together.

    Ratios are taken round by round: what slows a machine down for a while slows down both.

    Args:
        results: for each request the rows of each round.
        base_model: model whose row the others are compared with; without such a row, the first.
    """
    rows = [rounds for answers in results.values() for rounds in zip(*answers, strict=True)]
    if not rows:
        return []
    base = next((rounds for rounds in rows if rounds[0].model == base_model), rows[0])
    return [_aggregate(rounds, base) for rounds in rows]


def _aggregate(rounds: Sequence[AnyRow], base: Sequence[AnyRow]) -> AnyRow:
    """Return medians of times, the minimum of minima, and sums of counts."""
    fields: dict[str, Any] = {}
    for name in rounds[0].__struct_fields__:
        values = [getattr(row, name) for row in rounds]
        if isinstance(values[0], int):
            fields[name] = sum(values)
        elif isinstance(values[0], float):
            fields[name] = min(values) if name.startswith("min_") else median(values)
    ratios = [other.cost / row.cost for row, other in zip(rounds, base, strict=True)]
    return msgspec.structs.replace(
        rounds[0],
        **fields
        | {"times": median(ratios), "times_low": min(ratios), "times_high": max(ratios)}
        | {"against": base[0].name},
    )


@dataclass(frozen=True, slots=True)
class Change:
    """Change of one row.

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
