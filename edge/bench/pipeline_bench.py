"""Pipeline benchmark: a video through the daemon's stages, one after the other and as threads."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2

from edge.bench.clips import CROWD, ONE_FACE, LoopingVideoSource, clip_of
from edge.bench.model_bench import KERAS_SUFFIXES, select_models
from edge.bench.schema import DEFAULT_MODEL, PipelineRow
from edge.bench.worker_protocol import Request, Timing, serve_stdin, summarize
from edge.capture import EndOfStream
from edge.config import Config, parse_config
from edge.detect import detector_kinds
from edge.errors import ConfigError
from edge.metrics import rss_bytes
from edge.paths import find_model
from edge.pipeline.build import PipelineComponents, build_components
from edge.pipeline.pipeline import Pipeline
from edge.publish import MultiSink
from edge.types import AnalyzedFrame

STAGES = ("capture", "detect", "infer", "publish")

EVERY_FRAME: dict[str, Any] = {"interval_frames": 1, "motion_threshold": 0.0, "cpu_budget": 1.0}
"""Scheduler settings by which the detector runs on every frame, so that detectors compare."""

WARM_UP_FRAMES = 20

CAMERA_FPS = 30.0

CLOSE_TIMEOUT = 5.0
"""Seconds that sinks may take to close."""

POLL_SECONDS = 0.01
"""Interval at which a pipeline is asked whether it has ended."""

Settings = tuple[tuple[str, str], ...]
"""Key and value of each setting of a detector, as a config writes them."""


VARIANTS: dict[str, Settings] = {
    "emotiond 160x120": (("kind", "builtin"), ("size", "160x120")),
    "blazeface short": (("kind", "blazeface"), ("range", "short")),
}
"""Detectors that are measured beside each kind with its default settings."""


def detector_settings() -> dict[str, Settings]:
    """Return the detectors that can be measured, by name."""
    kinds = [kind for kind in detector_kinds() if kind != "auto"]  # it stands for one of the others
    return {kind: (("kind", kind),) for kind in kinds} | VARIANTS


class PipelineRequest(Request, frozen=True):
    """Request to send a video through the stages.

    Attributes:
        detector: its name.
        settings: of the detector.
        model: the .tflite file that classifies.
        scene: what the video shows.
        video: its path.
        frames: how many are measured; a shorter video is repeated.
        seconds: length of the run at a camera's rate.
    """

    detector: str
    settings: Settings
    model: Path
    scene: str
    video: Path
    frames: int
    seconds: float

    module = "edge.bench.pipeline_bench"
    result = list[PipelineRow]

    @property
    def name(self) -> str:
        """The detector: one that is missing is missing with every model."""
        return self.detector


@dataclass
class StageTimings:
    """Seconds that each of `STAGES` took for each frame, and the faces of all frames."""

    stages: list[tuple[float, ...]] = field(default_factory=list)
    faces: int = 0

    @property
    def frames(self) -> list[float]:
        """Seconds of each frame."""
        return [sum(times) for times in self.stages]

    @property
    def fps(self) -> float:
        """Frames a second."""
        return len(self.stages) / sum(self.frames)

    @property
    def milliseconds(self) -> dict[str, float]:
        """Mean milliseconds a frame of each stage, by its name."""
        columns = zip(STAGES, zip(*self.stages, strict=True), strict=True)
        return {name: 1000 * sum(column) / len(self.stages) for name, column in columns}


class LatencyRecorder:
    """Consumer of analyzed frames that records when each came, its age, and the CPU time spent.

    The first frame only starts the clocks.
    """

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self._times: list[float] = []
        self._cpu: list[float] = []

    def show(self, frame: AnalyzedFrame) -> None:
        """Record a frame whose events were just published."""
        now = time.monotonic()
        self.latencies.append(now - frame.tracked.frame.captured)
        self._times.append(now)
        self._cpu.append(time.process_time())

    def clear(self) -> None:
        """Do nothing: this is no screen."""

    @property
    def fps(self) -> float:
        """Frames a second."""
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    @property
    def cpu(self) -> float:
        """Seconds of CPU time a frame, of all threads."""
        return (self._cpu[-1] - self._cpu[0]) / (len(self._cpu) - 1)


def pipeline_requests(
    files: Sequence[Path],
    detectors: Sequence[str],
    video: Path | None,
    *,
    frames: int,
    seconds: float,
    folder: Path,
) -> list[PipelineRequest]:
    """Return a request for each detector with each model, and one for many faces.

    Args:
        files: models, as `select_models` takes them.
        detectors: names of `detector_settings`; empty takes all.
        video: what is seen; None is the built-in clip.
        frames: how many are measured.
        seconds: length of the run at a camera's rate.
        folder: for synthetic clips.

    Raises:
        EmotiondError: there is no such detector or model, or the video cannot be read.
    """
    known = detector_settings()
    for name in detectors:
        if name not in known:
            expected = ", ".join(known)
            raise ConfigError(f"--detector: expected one of {expected}, found {name!r}")
    chosen = detectors or list(known)
    scene = str(video) if video else ONE_FACE
    models = [path for path in select_models(files) if path.suffix not in KERAS_SUFFIXES]

    def request(detector: str, model: Path, scene: str) -> PipelineRequest:
        path = clip_of(scene, folder)
        return PipelineRequest(detector, known[detector], model, scene, path, frames, seconds)

    requests = [request(detector, model, scene) for detector in chosen for model in models]
    if video is None:
        requests.append(request(chosen[0], find_model(Path(DEFAULT_MODEL)).absolute(), CROWD))
    return requests


def measure_pipeline(request: PipelineRequest) -> list[PipelineRow]:
    """Send the video through the stages; return the row of one thread and that of threads.

    Raises:
        EmotiondError: a component cannot be used, or the video cannot be read.
    """
    cv2.setNumThreads(1)  # as the daemon does
    video, frames = request.video, request.frames
    camera = LoopingVideoSource(video, round(CAMERA_FPS * request.seconds), CAMERA_FPS)
    with tempfile.TemporaryDirectory() as folder:
        config = bench_config(request.settings, request.model, Path(folder))
        run_sequential(open_components(config, LoopingVideoSource(video, WARM_UP_FRAMES)))
        timings = run_sequential(open_components(config, LoopingVideoSource(video, frames)))
        threads, _ = run_threads(open_components(config, LoopingVideoSource(video, frames)))
        live, dropped = run_threads(replace(open_components(config, camera), live=True))

    def row(mode: str, fps: float, times: Timing, **more: Any) -> PipelineRow:
        return PipelineRow(
            detector=request.detector,
            model=request.model.stem,
            scene=request.scene,
            mode=mode,
            fps=fps,
            p50_ms=times.p50,
            p95_ms=times.p95,
            p99_ms=times.p99,
            memory_mb=rss_bytes() / 1e6,
            faces=timings.faces / len(timings.stages),
            **more,
        )

    stages = {f"{name}_ms": value for name, value in timings.milliseconds.items()}
    latency, cpu = summarize(live.latencies), 1000 * live.cpu
    return [
        row("one thread", timings.fps, summarize(timings.frames), **stages),
        row("threads", threads.fps, latency, dropped=dropped, cpu_ms=cpu),
    ]


def bench_config(detector: Settings, model: Path, folder: Path) -> Config:
    """Return a config with the detector on every frame and events in a file in `folder`."""
    settings = {
        "source": {"kind": "camera"},  # never opened: a `LoopingVideoSource` takes its place
        "detector": dict(detector),
        "detect": EVERY_FRAME,
        "classifier": {"model": str(model)},
        "sinks": [{"kind": "jsonl", "path": "events.jsonl"}],
        "state": str(folder),
    }
    return parse_config(settings, folder / "bench")


def open_components(config: Config, source: LoopingVideoSource) -> PipelineComponents:
    """Build what a config names around a source of which no frame is dropped."""
    return replace(build_components(config), source=source, live=False)


def run_sequential(components: PipelineComponents) -> StageTimings:
    """Send each frame through every stage before the next is read."""
    timings, sinks = StageTimings(), MultiSink(components.sinks)
    sinks.start()
    while True:
        try:
            stages, faces = _run_frame(components, sinks)
        except EndOfStream:
            break
        timings.stages.append(stages)
        timings.faces += faces
    components.source.close()
    sinks.close(CLOSE_TIMEOUT)
    return timings


def _run_frame(components: PipelineComponents, sinks: MultiSink) -> tuple[tuple[float, ...], int]:
    """Return the seconds of each stage, and the number of faces seen."""
    processing, times = components.processing, [time.perf_counter()]
    frame = components.source.read()
    assert frame is not None
    times.append(time.perf_counter())
    tracked = processing.scheduler.update(frame)
    times.append(time.perf_counter())
    events = processing.events.update(frame, processing.analyzer.update(tracked))
    times.append(time.perf_counter())
    for event in events:
        sinks.publish(event)
    times.append(time.perf_counter())
    seen = sum(track.seen for track in tracked.tracks)
    return tuple(after - before for before, after in pairwise(times)), seen


def run_threads(components: PipelineComponents) -> tuple[LatencyRecorder, int]:
    """Run the daemon's threads; return what was recorded of frames, and how many were dropped.

    Raises:
        EmotiondError: what ended a stage.
    """
    recorder = LatencyRecorder()
    pipeline = Pipeline(components, recorder)
    pipeline.start()
    while pipeline.running:
        time.sleep(POLL_SECONDS)
    pipeline.stop()
    if pipeline.error is not None:
        raise pipeline.error
    return recorder, sum(pipeline.stats().dropped.values())


if __name__ == "__main__":
    serve_stdin(PipelineRequest, measure_pipeline)
