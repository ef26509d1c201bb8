"""Pipeline benchmark: a video through the daemon's stages, one after the other and as threads."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bench.clips import CROWD, ONE_FACE, LoopingVideoSource, clip_of
from edge.bench.measurement import ComparedRow, Request, summarize
from edge.bench.model_bench import DEFAULT_MODEL, select_models
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


class PipelineRow(ComparedRow, frozen=True, kw_only=True):
    """One video through the stages of the daemon, the detector on every frame.

    Attributes:
        mode: "one thread" or "threads".
        fps: frames a second where none is dropped.
        capture_ms, detect_ms, infer_ms, publish_ms: of a frame, in one thread.
        p50_ms, p95_ms, p99_ms: of a frame, in one thread.
        memory_mb: resident memory of the process.
        faces: mean number found in a frame.
    """

    detector: str
    model: str
    scene: str
    mode: str
    fps: float
    capture_ms: float | None = None
    detect_ms: float | None = None
    infer_ms: float | None = None
    publish_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    memory_mb: float
    faces: float

    @property
    def name(self) -> str:
        """Detector, model, scene and mode."""
        return f"{self.detector} + {self.model}, {self.scene}, {self.mode}"

    @property
    def cost(self) -> float:
        """Milliseconds of a frame."""
        return 1000 / self.fps


class PipelineRequest(Request, frozen=True):
    """Request to send a video through the stages.

    Attributes:
        detector, settings: a name of `detector_settings` and what it stands for.
        model: the .tflite file that classifies.
        scene, video: what the video shows, and its path.
        frames: how many are measured; a shorter video is repeated.
    """

    detector: str
    settings: Settings
    model: Path
    scene: str
    video: Path
    frames: int

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
        with tempfile.TemporaryDirectory() as folder:
            config = bench_config(self.settings, self.model, Path(folder))

            def components(frames: int) -> PipelineComponents:
                return open_components(config, LoopingVideoSource(self.video, frames))

            run_sequential(components(WARM_UP_FRAMES))
            timings = run_sequential(components(self.frames))
            threads_fps = run_threads(components(self.frames))
        stages = timings.milliseconds
        times = summarize(timings.seconds.sum(axis=1).tolist())
        one_thread = PipelineRow(
            detector=self.detector,
            model=self.model.stem,
            scene=self.scene,
            mode="one thread",
            fps=timings.fps,
            capture_ms=stages["capture"],
            detect_ms=stages["detect"],
            infer_ms=stages["infer"],
            publish_ms=stages["publish"],
            p50_ms=times.p50,
            p95_ms=times.p95,
            p99_ms=times.p99,
            memory_mb=rss_bytes() / 1e6,
            faces=timings.faces / len(timings.seconds),
        )
        threads = PipelineRow(
            detector=self.detector,
            model=self.model.stem,
            scene=self.scene,
            mode="threads",
            fps=threads_fps,
            memory_mb=one_thread.memory_mb,
            faces=one_thread.faces,
        )
        return [one_thread, threads]


def pipeline_requests(
    files: Sequence[Path],
    detectors: Sequence[str],
    video: Path | None,
    folder: Path,
    frames: int,
) -> list[PipelineRequest]:
    """Return a request for each detector with each model, and one for many faces.

    Args:
        files: .tflite models, or names of shipped ones; none stands for all shipped.
        detectors: names of `detector_settings`; none stands for all.
        video: what the stages see; None is the built-in clip.
        folder: for synthetic clips.
        frames: how many are measured.

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
    runs = [(detector, model, scene) for detector in chosen for model in select_models(files)]
    if video is None:
        runs.append((chosen[0], find_model(Path(DEFAULT_MODEL)).absolute(), CROWD))
    clips = {scene: clip_of(scene, folder) for _, _, scene in runs}
    return [
        PipelineRequest(detector, known[detector], model, scene, clips[scene], frames)
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


class _FrameClock:
    """Consumer of analyzed frames that records when each came."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def show(self, frame: AnalyzedFrame) -> None:
        """Record a frame whose events were just published."""
        self.times.append(time.monotonic())

    def clear(self) -> None:
        """Do nothing: this is no screen."""


def run_threads(components: PipelineComponents) -> float:
    """Run the daemon's threads until the source ends; return frames a second.

    Raises:
        EmotiondError: what ended a stage.
    """
    clock = _FrameClock()
    pipeline = Pipeline(components, clock)
    pipeline.start()
    while pipeline.running:
        time.sleep(POLL_SECONDS)
    pipeline.stop()
    if pipeline.error is not None:
        raise pipeline.error
    return (len(clock.times) - 1) / (clock.times[-1] - clock.times[0])
