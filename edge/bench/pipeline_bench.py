"""Benchmarks of the daemon: a video through its stages, and the whole of it on a live stream."""

import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.bench.clips import CROWD, ONE_FACE, LiveStream, clip_of
from edge.bench.measurement import Request, summarize
from edge.bench.model_bench import DEFAULT_MODEL, ComparedRow, select_models
from edge.capture.source import iter_frames
from edge.commands.demo import LoopedVideo, final_stats, run_daemon
from edge.config import Config, parse_config
from edge.detect import detector_kinds
from edge.errors import ConfigError
from edge.metrics import rss_bytes
from edge.offline.recognizer import analyze_frames
from edge.paths import find_model
from edge.pipeline.build import PipelineComponents, build_components
from edge.publish import MultiSink

STAGES = ("capture", "detect", "infer", "publish")

EVERY_FRAME: dict[str, Any] = {"interval_frames": 1, "motion_threshold": 0.0, "cpu_budget": 1.0}
"""Scheduler settings by which the detector runs on every frame, so that detectors compare."""

WARM_UP_FRAMES = 20
VARIANTS = {  # measured beside each kind with its default settings
    "builtin 160x120": {"kind": "builtin", "size": "160x120"},
    "blazeface short": {"kind": "blazeface", "range": "short"},
}
FINAL_STATS = re.compile(  # the line with which the daemon ends its log
    r"(?P<fps>[\d.]+) out; (?P<frames>\d+) frames?,.*latency p50 (?P<p50_ms>[\d.]+) ms, "
    r"p95 (?P<p95_ms>[\d.]+) ms; dropped (?P<dropped>.*)"
)
WARM_UP_SECONDS = 4.0  # from the daemon's start until it is measured


def detector_settings() -> dict[str, dict[str, str]]:
    """Return the settings of each detector that can be measured, by its name."""
    return {kind: {"kind": kind} for kind in detector_kinds()} | VARIANTS


class PipelineRow(ComparedRow, frozen=True, kw_only=True):
    """One video through the stages of the daemon, the detector on every frame."""

    detector: str
    model: str
    scene: str
    mode: str  # "one thread" or "threads"
    fps: float
    capture_ms: float | None = None  # of a frame, in one thread, as all to p99_ms
    detect_ms: float | None = None
    infer_ms: float | None = None
    publish_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    memory_mb: float  # of the whole process
    faces: float  # found in a frame, on the average

    @property
    def name(self) -> str:
        """Detector, model, scene and mode."""
        return f"{self.detector} + {self.model}, {self.scene}, {self.mode}"


def measure_pipeline(
    detector: str, model: Path, scene: str, video: Path, frames: int
) -> list[PipelineRow]:
    """Send a video, repeated if short, through the stages; return rows of one thread and of all."""
    cv2.setNumThreads(1)  # as the daemon does
    with tempfile.TemporaryDirectory() as folder:
        config = bench_config(detector_settings()[detector], model, Path(folder))
        run_sequential(open_components(config, video, WARM_UP_FRAMES))
        seconds, faces = run_sequential(open_components(config, video, frames))
        threads_fps = run_threads(open_components(config, video, frames))
    threads = PipelineRow(
        detector=detector,
        model=model.stem,
        scene=scene,
        mode="threads",
        fps=threads_fps,
        memory_mb=rss_bytes() / 1e6,
        faces=faces / frames,
    )
    times = summarize(seconds.sum(axis=1).tolist())
    fields = {f"{name}_ms": value for name, value in stage_milliseconds(seconds).items()}
    fields |= {"p50_ms": times.p50, "p95_ms": times.p95, "p99_ms": times.p99}
    fps = float(frames / seconds.sum())
    return [msgspec.structs.replace(threads, mode="one thread", fps=fps, **fields), threads]


def pipeline_requests(
    files: Sequence[Path], detectors: Sequence[str], video: Path | None, folder: Path, frames: int
) -> list[Request]:
    """Return requests of each detector with each model, all if none are given, and of a crowd."""
    known = list(detector_settings())
    for name in detectors:
        if name not in known:
            raise ConfigError(f"--detector: expected one of {', '.join(known)}, found {name!r}")
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
        "source": {"kind": "camera"},  # never opened: a `LoopedVideo` takes its place
        "detector": detector,
        "scheduler": EVERY_FRAME,
        "classifier": {"model": str(model)},
        "sinks": [{"kind": "jsonl", "path": "events.jsonl"}],
        "state_dir": str(folder),
    }
    return parse_config(settings, folder / "bench")


def open_components(config: Config, video: Path, frames: int) -> PipelineComponents:
    """Build what a config names around a video of so many frames, of which none is dropped."""
    source = LoopedVideo(video, realtime=False, max_frames=frames).open()
    return replace(build_components(config), source=source, live=False)


def run_sequential(components: PipelineComponents) -> tuple[NDArray[np.float64], int]:
    """Send frames through the stages one by one; return seconds, (frames, stages), and faces."""
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
    return np.array(seconds), faces


def stage_milliseconds(seconds: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean milliseconds a frame of each stage, by its name."""
    return dict(zip(STAGES, (1000 * seconds.mean(axis=0)).tolist(), strict=True))


def run_threads(components: PipelineComponents) -> float:
    """Run the daemon's threads until the source ends; return frames a second."""
    times = [time.monotonic() for _ in analyze_frames(components)]
    return (len(times) - 1) / (times[-1] - times[0])


class LiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """The whole daemon, watching a live stream of `source_fps` for some seconds."""

    detector: str = "auto"
    model: str = DEFAULT_MODEL
    scene: str
    source_fps: float
    seconds: float
    fps: float
    frames: int
    dropped: int
    p50_ms: float  # from capture until a frame was analyzed
    p95_ms: float
    cpu_percent: float  # of one core
    memory_mb: float
    first_event_s: float | None  # from the start of the process

    @property
    def name(self) -> str:
        """Detector, model, scene and rate."""
        return f"{self.detector} + {self.model}, {self.scene}, live at {self.source_fps:g} fps"


def measure_live(scene: str, video: Path, fps: float, seconds: float) -> LiveRow:
    """Measure the daemon as it watches a video as a stream of MJPEG, which most cameras give."""
    with LiveStream(video, fps) as stream, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = folder / "events.jsonl"
        config = {
            "source": {"kind": "stream", "url": stream.url},
            "sinks": [{"kind": "jsonl", "path": events.name}],
            "state_dir": ".",
        }
        started, first_event = time.monotonic(), None
        with run_daemon(folder, config) as process:
            while (age := time.monotonic() - started) < WARM_UP_SECONDS:
                first_event = age if first_event is None and events.exists() else first_event
                time.sleep(0.01)
            cpu = cpu_share(process.pid, seconds)
            memory = rss_bytes(process.pid) / 1e6
        stats = FINAL_STATS.search(final_stats(folder))
        assert stats, "the daemon's final statistics have another form"
    dropped = sum(int(count) for count in re.findall(r"=(\d+)", stats["dropped"]))
    figures = {"scene": scene, "source_fps": fps, "seconds": seconds, "first_event_s": first_event}
    figures |= {**stats.groupdict(), "dropped": dropped}
    figures |= {"cpu_percent": 100 * cpu, "memory_mb": memory}
    return msgspec.convert(figures, LiveRow, strict=False)


def cpu_share(pid: int, seconds: float, meanwhile: Callable[[float], object] = time.sleep) -> float:
    """Return the share of one core that a process uses while `meanwhile` takes so many seconds."""

    def used() -> float:  # CPU time (proc(5), stat)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    meanwhile(seconds)
    return (used() - before) / seconds
