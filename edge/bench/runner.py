"""Benchmark runner: measures everything in turns while it watches how steady the machine is."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from edge.bench.clips import CROWD, NOBODY, ONE_FACE, clip_of
from edge.bench.compare import aggregate
from edge.bench.live_bench import measure_live
from edge.bench.machine_info import (
    OtherCpuLoad,
    ReferenceRequest,
    describe_machine,
    read_conditions,
)
from edge.bench.model_bench import model_requests
from edge.bench.pipeline_bench import pipeline_requests
from edge.bench.schema import FLOAT_MODEL, Machine, Result
from edge.bench.worker_protocol import MeasurementFailed, Request, run_in_subprocess

REFERENCE_INTERVAL = 8
"""Measurements between two of the reference computation."""

MAX_REFERENCE_SPREAD = 0.15
"""Share of its median by which the reference computation may vary in a quiet run."""

MAX_OTHER_LOAD = 0.10
"""Share of the CPU time that other processes may take in a quiet run."""

Progress = Callable[[int, int], object]
"""Called with the number of steps that are done, and of all."""


class BenchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured, and how long.

    Attributes:
        files: .tflite and Keras models, or names of shipped ones; none stands for all shipped.
        detectors: names of `detector_settings`; none stands for all.
        video: what the stages see; None is the built-in clip.
        parts: of `models`, `pipeline` and `live`.
        rounds: how often each is measured.
        seconds: of each repetition of a model; the pipeline runs four times as long at a camera's
            rate.
        frames: of the video, in one repetition.
        live_fps: of the stream that the daemon watches.
        live_seconds: how long the daemon is measured.
    """

    files: tuple[Path, ...] = ()
    detectors: tuple[str, ...] = ()
    video: Path | None = None
    parts: tuple[str, ...] = ("models", "pipeline")
    rounds: int = 3
    seconds: float = 0.5
    frames: int = 300
    live_fps: float = 30.0
    live_seconds: float = 60.0


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


def run_bench(plan: BenchPlan, progress: Progress) -> Result:
    """Measure.

    Raises:
        EmotiondError: what is asked for is not there, or cannot be measured on this machine.
    """
    description, before, load = describe_machine(), read_conditions(), OtherCpuLoad()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models: list[Request] = []
        pipelines: list[Request] = []
        scenes: list[str] = []
        if "models" in plan.parts:
            models += model_requests(plan.files, plan.seconds)
        if "pipeline" in plan.parts:
            pipelines += pipeline_requests(
                plan.files,
                plan.detectors,
                plan.video,
                frames=plan.frames,
                seconds=4 * plan.seconds,
                folder=folder,
            )
        if "live" in plan.parts:
            scenes = [str(plan.video)] if plan.video else [ONE_FACE, NOBODY, CROWD]
        videos = {scene: clip_of(scene, folder) for scene in scenes}
        runs = plan.rounds * (len(models) + len(pipelines))
        total = runs + len(scenes)
        progress(0, total)
        measured = run_interleaved(
            [*models, *pipelines], plan.rounds, lambda done: progress(done, total)
        )
        live = []
        for scene, video in videos.items():
            live.append(measure_live(scene, video, plan.live_fps, plan.live_seconds))
            progress(runs + len(live), total)
    known = {
        **description,
        "before": before,
        "after": read_conditions(),
        **_noise_report(measured.reference, load.share()),
        "not_measured": {request.name: why for request, why in measured.failures.items()},
    }
    return Result(
        machine=msgspec.convert(known, Machine),
        models=aggregate(_results_of(models, measured), FLOAT_MODEL),
        pipeline=aggregate(_results_of(pipelines, measured)),
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
                measured.reference.append(_measure_reference())
            if request not in measured.failures:
                _measure(request, measured)
            done += 1
            progress(done)
    measured.reference.append(_measure_reference())
    return measured


def _measure(request: Request, measured: Measurements) -> None:
    try:
        measured.results.setdefault(request, []).append(run_in_subprocess(request))
    except MeasurementFailed as error:
        measured.failures[request] = str(error)
        del measured.results[request]


def _measure_reference() -> float:
    return float(run_in_subprocess(ReferenceRequest()).call.p50)


def _results_of(requests: Sequence[Request], measured: Measurements) -> dict[Any, list[Any]]:
    return {one: measured.results[one] for one in requests if one in measured.results}


def _noise_report(reference: Sequence[float], others: float) -> dict[str, object]:
    """Return how steady the machine was, and the reasons not to trust the figures."""
    middle = median(reference)
    spread = (max(reference) - min(reference)) / middle
    noise = []
    if spread > MAX_REFERENCE_SPREAD:
        noise.append(f"the reference computation varied by {spread:.0%}; compare ratios only")
    if others > MAX_OTHER_LOAD:
        noise.append(f"others took {others:.0%} of the CPU; end them and measure again")
    return {
        "reference_ms": middle,
        "reference_spread": spread,
        "others": others,
        "noise": noise,
    }
