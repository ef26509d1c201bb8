"""Pipeline benchmark: a video through the daemon's stages, one after the other and as threads."""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bench.clips import CROWD, ONE_FACE, LoopingVideoSource, clip_of
from edge.bench.measurement import BenchPlan, Request, Timing, summarize
from edge.bench.model_bench import KERAS_SUFFIXES, select_models
from edge.bench.schema import DEFAULT_MODEL, PipelineRow
from edge.capture.source import iter_frames
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
    "builtin 160x120": (("kind", "builtin"), ("size", "160x120")),
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
        detector, settings: a name of `detector_settings` and what it stands for.
        model: the .tflite file that classifies.
        scene, video: what the video shows, and its path.
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

    @property
    def name(self) -> str:
        """The detector: one that is missing is missing with every model."""
        return self.detector

    def measure(self) -> list[PipelineRow]:
        """Return the row of one thread and that of threads.

        Raises:
            EmotiondError: a component cannot be used, or the video cannot be read.
        """
        cv2.setNumThreads(1)  # as the daemon does
        camera = LoopingVideoSource(self.video, round(CAMERA_FPS * self.seconds), CAMERA_FPS)
        with tempfile.TemporaryDirectory() as folder:
            config = bench_config(self.settings, self.model, Path(folder))

            def components(frames: int) -> PipelineComponents:
                return open_components(config, LoopingVideoSource(self.video, frames))

            run_sequential(components(WARM_UP_FRAMES))
            timings = run_sequential(components(self.frames))
            threads, _ = run_threads(components(self.frames))
            live, dropped = run_threads(replace(open_components(config, camera), live=True))

        def row(mode: str, fps: float, times: Timing, **more: Any) -> PipelineRow:
            return PipelineRow(
                detector=self.detector,
                model=self.model.stem,
                scene=self.scene,
                mode=mode,
                fps=fps,
                p50_ms=times.p50,
                p95_ms=times.p95,
                p99_ms=times.p99,
                memory_mb=rss_bytes() / 1e6,
                faces=timings.faces / len(timings.seconds),
                **more,
            )

        frame_seconds = timings.seconds.sum(axis=1).tolist()
        stages = {f"{name}_ms": value for name, value in timings.milliseconds.items()}
        latency, cpu = summarize(live.latencies), 1000 * live.cpu
        return [
            row("one thread", timings.fps, summarize(frame_seconds), **stages),
            row("threads", threads.fps, latency, dropped=dropped, cpu_ms=cpu),
        ]


def pipeline_requests(plan: BenchPlan, folder: Path) -> list[PipelineRequest]:
    """Return a request for each detector with each model, and one for many faces.

    Args:
        plan: what is measured; a Keras model is not.
        folder: for synthetic clips.

    Raises:
        EmotiondError: there is no such detector or model, or the video cannot be read.
    """
    known = detector_settings()
    for name in plan.detectors:
        if name not in known:
            expected = ", ".join(known)
            raise ConfigError(f"--detector: expected one of {expected}, found {name!r}")
    chosen = plan.detectors or tuple(known)
    scene = str(plan.video) if plan.video else ONE_FACE
    models = [path for path in select_models(plan.files) if path.suffix not in KERAS_SUFFIXES]
    runs = [(detector, model, scene) for detector in chosen for model in models]
    if plan.video is None:
        runs.append((chosen[0], find_model(Path(DEFAULT_MODEL)).absolute(), CROWD))
    return [
        PipelineRequest(
            detector,
            known[detector],
            model,
            scene,
            clip_of(scene, folder),
            plan.frames,
            4 * plan.seconds,
        )
        for detector, model, scene in runs
    ]


def bench_config(detector: Settings, model: Path, folder: Path) -> Config:
    """Return a config with the detector on every frame and events in a file in `folder`."""
    settings = {
        "source": {"kind": "camera"},  # never opened: a `LoopingVideoSource` takes its place
        "detector": dict(detector),
        "scheduler": EVERY_FRAME,
        "classifier": {"model": str(model)},
        "sinks": [{"kind": "jsonl", "path": "events.jsonl"}],
        "state_dir": str(folder),
    }
    return parse_config(settings, folder / "bench")


def open_components(config: Config, source: LoopingVideoSource) -> PipelineComponents:
    """Build what a config names around a source of which no frame is dropped."""
    return replace(build_components(config), source=source, live=False)


@dataclass(frozen=True, slots=True)
class StageTimings:
    """Times of a run in one thread.

    Attributes:
        seconds: of each frame in each of `STAGES`, (frames, stages).
        faces: seen in all frames.
    """

    seconds: NDArray[np.float64]
    faces: int

    @property
    def fps(self) -> float:
        """Frames a second."""
        return float(len(self.seconds) / self.seconds.sum())

    @property
    def milliseconds(self) -> dict[str, float]:
        """Mean milliseconds a frame of each stage, by its name."""
        return dict(zip(STAGES, (1000 * self.seconds.mean(axis=0)).tolist(), strict=True))


def run_sequential(components: PipelineComponents) -> StageTimings:
    """Send each frame through every stage before the next is read."""
    processing, sinks = components.processing, MultiSink(components.sinks)
    seconds, faces = [], 0
    sinks.start()
    started = time.perf_counter()
    for frame in iter_frames(components.source):
        times = [started, time.perf_counter()]
        tracked = processing.scheduler.update(frame)
        times.append(time.perf_counter())
        events = processing.events.update(frame, processing.analyzer.update(tracked))
        times.append(time.perf_counter())
        for event in events:
            sinks.publish(event)
        times.append(time.perf_counter())
        seconds.append(np.diff(times))
        faces += sum(track.seen for track in tracked.tracks)
        started = time.perf_counter()
    components.source.close()
    sinks.close(CLOSE_TIMEOUT)
    return StageTimings(np.array(seconds), faces)


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
