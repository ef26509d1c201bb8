"""Benchmark runner: measures everything in turns while it watches how steady the machine is."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import msgspec

from edge.bench.clips import CROWD, NOBODY, ONE_FACE, clip_of
from edge.bench.live_bench import measure_live
from edge.bench.machine_info import MachineMonitor, ReferenceRequest
from edge.bench.measurement import BenchPlan, MeasurementFailed, Request, run_in_subprocess
from edge.bench.model_bench import model_requests
from edge.bench.pipeline_bench import pipeline_requests
from edge.bench.schema import FLOAT_MODEL, ModelRow, PipelineRow, Result

REFERENCE_INTERVAL = 8
"""Measurements between two of the reference computation."""

Progress = Callable[[int, int], object]
"""Called with the number of steps that are done, and of all."""

AnyRow = TypeVar("AnyRow", ModelRow, PipelineRow)


@dataclass
class Measurements:
    """Results of measurements in turns.

    Attributes:
        results: of each request that could be measured, one a round.
        failures: why the others could not.
        reference: milliseconds of the reference computation, in the order of time.
    """

    results: dict[Any, list[Any]] = field(default_factory=dict)
    failures: dict[Any, str] = field(default_factory=dict)
    reference: list[float] = field(default_factory=list)

    def of(self, requests: Sequence[Request]) -> dict[Any, list[Any]]:
        """Return the results of some requests."""
        return {one: self.results[one] for one in requests if one in self.results}


def run_bench(plan: BenchPlan, progress: Progress) -> Result:
    """Measure.

    Raises:
        EmotiondError: what is asked for is not there, or cannot be measured on this machine.
    """
    monitor = MachineMonitor()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = model_requests(plan.files, plan.seconds) if "models" in plan.parts else []
        pipelines = pipeline_requests(plan, folder) if "pipeline" in plan.parts else []
        scenes = [str(plan.video)] if plan.video else [ONE_FACE, NOBODY, CROWD]
        videos = {one: clip_of(one, folder) for one in scenes if "live" in plan.parts}
        runs = plan.rounds * (len(models) + len(pipelines))
        total = runs + len(videos)
        progress(0, total)
        measured = run_interleaved(
            [*models, *pipelines], plan.rounds, lambda done: progress(done, total)
        )
        live = []
        for scene, video in videos.items():
            live.append(measure_live(scene, video, plan.live_fps, plan.live_seconds))
            progress(runs + len(live), total)
    not_measured = {request.name: why for request, why in measured.failures.items()}
    return Result(
        machine=monitor.describe(measured.reference, not_measured),
        models=aggregate(measured.of(models), FLOAT_MODEL),
        pipeline=aggregate(measured.of(pipelines)),
        live=live,
    )


def run_interleaved(
    requests: Sequence[Request], rounds: int, progress: Callable[[int], object]
) -> Measurements:
    """Measure each request once a round, each in a process of its own.

    Every other round goes backwards, so that a machine that slowly grows hot favors nothing. What
    fails once is not tried again.

    Args:
        requests: what is measured.
        rounds: how often.
        progress: called with the number of measurements that are done.
    """
    measured, done = Measurements(), 0
    for number in range(rounds):
        for place, request in enumerate(requests if number % 2 == 0 else requests[::-1]):
            if place % REFERENCE_INTERVAL == 0:
                measured.reference.append(run_in_subprocess(ReferenceRequest()).p50)
            if request not in measured.failures:
                _measure(request, measured)
            done += 1
            progress(done)
    measured.reference.append(run_in_subprocess(ReferenceRequest()).p50)
    return measured


def _measure(request: Request, measured: Measurements) -> None:
    try:
        measured.results.setdefault(request, []).append(run_in_subprocess(request))
    except MeasurementFailed as error:
        measured.failures[request] = str(error)
        del measured.results[request]


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
    fields |= {"times": median(ratios), "times_low": min(ratios), "times_high": max(ratios)}
    return msgspec.structs.replace(rounds[0], **fields, against=base[0].name)
