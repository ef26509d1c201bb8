"""A film sent through the daemon's stages: one after the other, and as threads."""

import tempfile
import time
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from edge.bench.reel import Reel
from edge.bench.timing import timing
from edge.bench.worker_protocol import PassAnswer, PassTask, Settings
from edge.capture import EndOfStream
from edge.config import Config, parse_config
from edge.pipeline.components import BuildContext, PipelineComponents, build_components
from edge.pipeline.pipeline import Pipeline
from edge.publish import MultiSink
from edge.system_stats import rss_bytes
from edge.types import AnalyzedFrame

STAGES = ("capture", "detect", "infer", "publish")

EVERY_FRAME: dict[str, Any] = {"every": 1, "min_motion": 0.0, "cpu_budget": 1.0}
"""The detector runs on every frame, so that detectors can be compared."""

WARM_UP = 20
"""Frames before those that count."""

FAREWELL = 5.0

LOOK_SECONDS = 0.01
"""Between two looks at whether a pipeline has ended."""


class Stopwatch:
    """A screen that notes of each scene when it was shown, how late, and what was spent.

    The first scene only starts the watch.
    """

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self._shown: list[float] = []
        self._spent: list[float] = []

    def show(self, scene: AnalyzedFrame) -> None:
        """Note it; its events were handed over just before."""
        now = time.monotonic()
        self.latencies.append(now - scene.tracked.frame.captured)
        self._shown.append(now)
        self._spent.append(time.process_time())

    @property
    def fps(self) -> float:
        """Scenes a second."""
        return (len(self._shown) - 1) / (self._shown[-1] - self._shown[0])

    @property
    def cpu(self) -> float:
        """Seconds of processor time a scene, of all threads."""
        return (self._spent[-1] - self._spent[0]) / (len(self._spent) - 1)

    def clear(self) -> None:
        """Nothing is on it."""


@dataclass
class Laps:
    """The seconds that each of `STAGES` took for each frame, and the faces of all frames."""

    stages: list[tuple[float, ...]] = field(default_factory=list)
    faces: int = 0

    @property
    def frames(self) -> list[float]:
        """The seconds of each frame."""
        return [sum(lap) for lap in self.stages]

    @property
    def fps(self) -> float:
        """Frames a second."""
        return len(self.stages) / sum(self.frames)

    @property
    def milliseconds(self) -> dict[str, float]:
        """What each stage took of a frame, on average."""
        columns = zip(STAGES, zip(*self.stages, strict=True), strict=True)
        return {name: 1000 * sum(column) / len(self.stages) for name, column in columns}


def run_pass(task: PassTask) -> PassAnswer:
    """Send the film of `task` through the stages.

    Raises:
        EmotiondError: a part cannot be used, or the film not be read.
    """
    with tempfile.TemporaryDirectory() as name:
        config = config_of(task.detector, task.model, Path(name))
        run_in_turn(_open(config, Reel(task.film, WARM_UP), live=False))
        laps = run_in_turn(_open(config, Reel(task.film, task.frames), live=False))
        flat_out = run_threads(_open(config, Reel(task.film, task.frames), live=False))[0]
        live = Reel(task.film, round(task.fps * task.seconds), task.fps)
        watch, dropped = run_threads(_open(config, live, live=True))
    return PassAnswer(
        fps=laps.fps,
        stages=laps.milliseconds,
        frame=timing(laps.frames),
        faces=laps.faces / len(laps.stages),
        threaded_fps=flat_out.fps,
        latency=timing(watch.latencies),
        dropped=dropped,
        cpu=1000 * watch.cpu,
        memory=rss_bytes() / 1e6,
    )


def config_of(detector: Settings, model: Path, folder: Path) -> Config:
    """Return a config: the detector runs on every frame, events go to a file in `folder`."""
    settings = {
        "source": {"kind": "camera"},  # it is never opened: a reel takes its place
        "detector": dict(detector),
        "detect": EVERY_FRAME,
        "classifier": {"model": str(model)},
        "sinks": [{"kind": "jsonl", "path": "events.jsonl"}],
        "state": str(folder),
    }
    return parse_config(settings, folder / "bench")


def _open(config: Config, reel: Reel, live: bool) -> PipelineComponents:
    return replace(build_components(BuildContext(config), count(1)), source=reel, live=live)


def run_in_turn(parts: PipelineComponents) -> Laps:
    """Let each frame pass through every stage before the next is read."""
    laps, sinks = Laps(), MultiSink(parts.sinks)
    sinks.start()
    while True:
        try:
            lap, faces = _lap(parts, sinks)
        except EndOfStream:
            break
        laps.stages.append(lap)
        laps.faces += faces
    parts.source.close()
    sinks.close(FAREWELL)
    return laps


def _lap(parts: PipelineComponents, sinks: MultiSink) -> tuple[tuple[float, ...], int]:
    """Return the seconds of each stage, and how many faces were seen."""
    analysis, times = parts.analysis, [time.perf_counter()]
    frame = parts.source.read()
    assert frame is not None
    times.append(time.perf_counter())
    tracked = analysis.follower.update(frame)
    times.append(time.perf_counter())
    events = analysis.life.update(frame, analysis.expressions.update(tracked))
    times.append(time.perf_counter())
    for event in events:
        sinks.publish(event)
    times.append(time.perf_counter())
    seen = sum(track.seen for track in tracked.tracks)
    return tuple(after - before for before, after in pairwise(times)), seen


def run_threads(parts: PipelineComponents) -> tuple[Stopwatch, int]:
    """Let the daemon's threads do it; return when scenes were shown, and how many were dropped.

    Raises:
        EmotiondError: what ended a stage.
    """
    watch = Stopwatch()
    pipeline = Pipeline(parts, watch)
    pipeline.start()
    while pipeline.running:
        time.sleep(LOOK_SECONDS)
    pipeline.stop()
    if pipeline.error is not None:
        raise pipeline.error
    return watch, sum(pipeline.stats().dropped.values())
