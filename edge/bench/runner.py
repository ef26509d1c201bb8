"""A whole benchmark: who takes part, in turns, with the machine watched meanwhile."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import msgspec

from edge.bench.clips import CROWD, NOBODY, ONE_FACE, film_of
from edge.bench.contest import (
    Extent,
    network_entries,
    pass_entries,
)
from edge.bench.live_bench import Watched, watch_live
from edge.bench.machine_info import Neighbours, conditions, describe
from edge.bench.rows import failures, model_rows, pipeline_rows
from edge.bench.schema import LiveRow, Machine, Result
from edge.bench.turns import Rounds, measure

STEADY = 0.15
"""Of the reference computation: what varies by more is noisy."""

ALONE = 0.10
"""Share of the processor's time that others may take."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured, and how often.

    Attributes:
        parts: of `models`, `pipeline` and `live`.
        rounds: how often each contender's turn comes.
        live_fps: of the stream that the daemon watches.
        live_seconds: for how long it is measured.
    """

    extent: Extent
    parts: tuple[str, ...]
    rounds: int
    live_fps: float
    live_seconds: float


class Progress(msgspec.Struct, frozen=True):
    """Who is told how far it is.

    Attributes:
        expect: how many steps there are.
        step: one was done.
    """

    expect: Callable[[int], object]
    step: Callable[[], object]


def bench(plan: Plan, progress: Progress) -> Result:
    """Measure.

    Raises:
        EmotiondError: what is asked for is not there, or the machine cannot be measured on.
    """
    described, before, neighbours = describe(), conditions(), Neighbours()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        networks = network_entries(plan.extent) if "models" in plan.parts else []
        passes = pass_entries(plan.extent, folder) if "pipeline" in plan.parts else []
        scenes = _scenes(plan) if "live" in plan.parts else []
        entries = [*networks, *passes]
        progress.expect(plan.rounds * len(entries) + len(scenes))
        rounds = measure([entry.task for entry in entries], plan.rounds, progress.step)
        live = [_watch(scene, plan, folder, progress) for scene in scenes]
    machine = msgspec.convert(
        {
            **described,
            "before": before,
            "after": conditions(),
            **_trust(rounds, neighbours.share()),
            "not_measured": failures(entries, rounds),
        },
        Machine,
    )
    return Result(
        machine=machine,
        models=model_rows(networks, rounds),
        pipeline=pipeline_rows(passes, rounds),
        live=live,
    )


def _scenes(plan: Plan) -> list[str]:
    film = plan.extent.film
    return [str(film)] if film else [ONE_FACE, NOBODY, CROWD]


def _watch(scene: str, plan: Plan, folder: Path, progress: Progress) -> LiveRow:
    film = film_of(scene, folder)
    row = watch_live(Watched(scene, film, plan.live_fps, plan.live_seconds))
    progress.step()
    return row


def _trust(rounds: Rounds, others: float) -> dict[str, object]:
    """Return how steady the machine was, and what speaks against trusting the figures."""
    reference = median(rounds.reference)
    spread = (max(rounds.reference) - min(rounds.reference)) / reference
    noise = []
    if spread > STEADY:
        noise.append(f"the reference computation varied by {spread:.0%}; compare ratios only")
    if others > ALONE:
        noise.append(f"others took {others:.0%} of the processor; end them and measure again")
    return {
        "reference_ms": reference,
        "reference_spread": spread,
        "others": others,
        "noise": noise,
    }
