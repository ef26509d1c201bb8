"""Two results compared: what became slower, and by how much."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.bench.schema import Result


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one row.

    Attributes:
        name: of the row.
        plain: its new cost over its old.
        fair: the same, each cost taken as a multiple of the reference computation of its own run,
            so that a slower or busier machine does not count.
    """

    name: str
    plain: float
    fair: float


def choose(new: Result, former: Sequence[Result]) -> Result | None:
    """Return the first of the former results from a CPU that has the same features.

    What int8 costs is another thing on a CPU with instructions for it: a reference computation
    does not make up for them.
    """

    def kind(result: Result) -> tuple[str, frozenset[str]]:
        return result.machine.architecture, frozenset(result.machine.features)

    return next((one for one in former if kind(one) == kind(new)), None)


def compare(new: Result, old: Result) -> list[Change]:
    """Return the change of each row that both have, the worst first."""
    before = {row.name: row.cost for row in old.rows}
    machine = old.machine.reference_ms / new.machine.reference_ms
    changes = [
        Change(row.name, row.cost / before[row.name], machine * row.cost / before[row.name])
        for row in new.rows
        if before.get(row.name)
    ]
    return sorted(changes, key=lambda change: -change.fair)


def too_slow(changes: Sequence[Change], limit: float) -> list[Change]:
    """Return those that cost more than `limit` times as much as before."""
    return [change for change in changes if change.fair > limit]


def change_lines(changes: Sequence[Change], limit: float) -> list[str]:
    """Return one line a change."""
    return [
        f"{change.fair:6.2f}  ({change.plain:.2f} as measured)  {change.name}"
        f"{'  TOO SLOW' if change.fair > limit else ''}"
        for change in changes
    ]
