"""Pipeline benchmark: a video through the daemon's stages, one after the other and as threads."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.bench.clips import CROWD, ONE_FACE, LoopingVideoSource, clip_of
from edge.bench.measurement import Request, summarize
from edge.bench.model_bench import DEFAULT_MODEL, ComparedRow, select_models
from edge.capture.source import iter_frames
from edge.config import Config, parse_config
from edge.detect import detector_kinds
from edge.errors import ConfigError
from edge.metrics import rss_bytes
from edge.paths import find_model
from edge.pipeline.build import PipelineComponents, build_components
from edge.pipeline.pipeline import Pipeline
from edge.pipeline.worker import LatestFrame
from edge.publish import MultiSink
from edge.types import AnalyzedFrame

STAGES = ("capture", "detect", "infer", "publish")

EVERY_FRAME: dict[str, Any] = {"interval_frames": 1, "motion_threshold": 0.0, "cpu_budget": 1.0}
"""Scheduler settings by which the detector runs on every frame, so that detectors compare."""

WARM_UP_FRAMES = 20

VARIANTS = {
    "builtin 160x120": {"kind": "builtin", "size": "160x120"},
    "blazeface short": {"kind": "blazeface", "range": "short"},
}
"""Detectors that are measured beside each kind with its default settings."""


def detector_settings() -> dict[str, dict[str, str]]:
    """Return the settings of each detector that can be measured, by its name."""
    kinds = [kind for kind in detector_kinds() if kind != "auto"]  # it stands for one of the others
    return {kind: {"kind": kind} for kind in kinds} | VARIANTS


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


def measure_pipeline(
    detector: str, model: Path, scene: str, video: Path, frames: int
) -> list[PipelineRow]:
    """Send a video through the stages; return the row of one thread and that of threads.

    Args:
        detector: a name of `detector_settings`.
        model: the .tflite file that classifies.
        scene: what the video shows.
        video: its path.
        frames: how many are measured; a shorter video is repeated.

    Raises:
        EmotiondError: a component cannot be used, or the video cannot be read.
    """
    cv2.setNumThreads(1)  # as the daemon does
    with tempfile.TemporaryDirectory() as folder:
        config = bench_config(detector_settings()[detector], model, Path(folder))

        def components(frames: int) -> PipelineComponents:
            return open_components(config, LoopingVideoSource(video, frames))

        run_sequential(components(WARM_UP_FRAMES))
        timings = run_sequential(components(frames))
        threads_fps = run_threads(components(frames))
    threads = PipelineRow(
        detector=detector,
        model=model.stem,
        scene=scene,
        mode="threads",
        fps=threads_fps,
        memory_mb=rss_bytes() / 1e6,
        faces=timings.faces / frames,
    )
    times = summarize(timings.seconds.sum(axis=1).tolist())
    one_thread = msgspec.structs.replace(
        threads,
        mode="one thread",
        fps=timings.fps,
        p50_ms=times.p50,
        p95_ms=times.p95,
        p99_ms=times.p99,
        **{f"{name}_ms": value for name, value in timings.milliseconds.items()},
    )
    return [one_thread, threads]


def pipeline_requests(
    files: Sequence[Path],
    detectors: Sequence[str],
    video: Path | None,
    folder: Path,
    frames: int,
) -> list[Request]:
    """Return a request for each detector with each model, and one for many faces.

    Args:
        files: .tflite models, or names of shipped ones; none stands for all shipped.
        detectors: names of `detector_settings`; none stands for all.
        video: what the stages see; None is the built-in clip.
        folder: for synthetic clips.
        frames: how many of them.

    Raises:
        EmotiondError: there is no such detector or model, or the video cannot be read.
    """
    known = list(detector_settings())
    if unknown := [name for name in detectors if name not in known]:
        expected = ", ".join(known)
        raise ConfigError(f"--detector: expected one of {expected}, found {unknown[0]!r}")
    chosen = detectors or known
    scene = str(video) if video else ONE_FACE
    runs = [(detector, model, scene) for detector in chosen for model in select_models(files)]
    if video is None:
        runs.append((chosen[0], find_model(Path(DEFAULT_MODEL)).absolute(), CROWD))
    clips = {scene: clip_of(scene, folder) for _, _, scene in runs}
    return [  # the name: a detector that is missing is missing with every model
        Request(detector, measure_pipeline, (detector, model, scene, clips[scene], frames))
        for detector, model, scene in runs
    ]


def bench_config(detector: dict[str, str], model: Path, folder: Path) -> Config:
    """Return a config with the detector on every frame and events in a file in `folder`."""
    settings = {
        "source": {"kind": "camera"},  # never opened: a `LoopingVideoSource` takes its place
        "detector": detector,
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
    sinks.close(timeout=5.0)
    return StageTimings(np.array(seconds), faces)


def run_threads(components: PipelineComponents) -> float:
    """Run the daemon's threads until the source ends; return frames a second.

    Raises:
        EmotiondError: what ended a stage.
    """
    times: list[float] = []

    class Clock(LatestFrame):
        def show(self, frame: AnalyzedFrame) -> None:
            times.append(time.monotonic())

    pipeline = Pipeline(components, Clock())
    pipeline.start()
    while pipeline.running:
        time.sleep(0.01)
    pipeline.stop()
    if pipeline.error is not None:
        raise pipeline.error
    return (len(times) - 1) / (times[-1] - times[0])
