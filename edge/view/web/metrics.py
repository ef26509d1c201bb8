"""Health of the cameras, and metrics of the daemon for Prometheus."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import NamedTuple

from prometheus_client import Metric, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.pipeline.worker import LatestFrame
from edge.types import CameraState, DaemonStatus, Stats

PROCESS_METRICS = frozenset({"cpu_share", "memory_bytes", "uptime_seconds", "temperature_celsius"})
"""Metrics of the daemon as a whole, whatever cameras it has."""


class CameraNumbers(NamedTuple):
    """Measurements of one camera; `viewers` are those of its live video."""

    latest: LatestFrame
    status: DaemonStatus
    stats: Stats | None
    viewers: int


class HealthRoutes(Collector):
    """Routes of health and metrics; `cameras` returns the numbers of each as they are now.

    Metrics are in Prometheus' format, those of several cameras labeled; an only one has no name.
    """

    def __init__(self, cameras: Callable[[], Mapping[str, CameraNumbers]]) -> None:
        self._cameras = cameras
        self.routes = [Route("/healthz", self._health), Route("/metrics", self._metrics)]

    async def _health(self, _request: Request) -> Response:
        """Tell whether each camera sees, or is not to see."""
        blind = [
            f"camera {f'{name} '.lstrip()}{numbers.status.camera}"
            for name, numbers in self._cameras().items()
            if numbers.status.camera not in (CameraState.ONLINE, CameraState.PAUSED)
        ]
        if not blind:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": ", ".join(blind)}, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _metrics(self, _request: Request) -> Response:
        media_type = "text/plain; version=0.0.4; charset=utf-8"
        return Response(generate_latest(self), media_type=media_type)

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its samples; what cannot be measured has none."""
        metrics: dict[str, Metric] = {}
        for camera, numbers in self._cameras().items():
            for kind, name, text, labels, value in _samples(numbers):
                known = name in metrics
                metric = metrics.setdefault(name, Metric(f"emotiond_{name}", text, kind))
                if value is None or (known and name in PROCESS_METRICS):
                    continue
                own = {"camera": camera} if camera and name not in PROCESS_METRICS else {}
                end = "_total" if kind == "counter" else ""
                metric.add_sample(f"{metric.name}{end}", labels | own, value)
        yield from metrics.values()


def _samples(camera: CameraNumbers) -> Iterator[tuple[str, str, str, dict[str, str], float | None]]:
    """Yield kind, name and text of each metric, and labels and value of a sample of it."""
    latest, status, stats, viewers = camera
    frame = latest.newest
    counts = Counter(face.emotion for face in frame.expressions) if frame else Counter[str]()
    for one in sorted({*status.labels, *counts}):
        label = {"emotion": one}
        yield "gauge", "faces_in_view", "Faces in view, by emotion.", label, counts[one]
    for state in CameraState:
        label = {"state": state.value}
        yield "gauge", "camera", "1 for the present state.", label, status.camera is state
    yield "gauge", "frames_per_second", "Analyzed frames a second.", {}, latest.fps
    yield "gauge", "viewers", "Viewers of the live video.", {}, viewers
    if stats is None:
        return
    yield "counter", "frames", "Frames read.", {}, stats.frames
    yield "counter", "detections", "Frames in which the detector ran.", {}, stats.detections
    yield "counter", "faces", "Faces classified.", {}, stats.faces
    text = "Faces that the model took for none."
    yield "counter", "refused_faces", text, {}, stats.rejected_faces
    yield "counter", "events", "Events published.", {}, stats.events
    for item, count in stats.dropped.items():
        yield "counter", "dropped", "Items dropped, by kind.", {"what": item}, count
    text = "Latency since capture, over the latest."
    for to, values in (("expression", stats.frame_latency), ("event", stats.event_latency)):
        for quantile, value in zip(("0.5", "0.95"), values or (), strict=False):
            yield "gauge", "latency_seconds", text, {"to": to, "quantile": quantile}, value
    yield "gauge", "cpu_share", "CPU time, as a share of one core.", {}, stats.load.cpu
    yield "gauge", "memory_bytes", "Resident memory.", {}, stats.load.memory
    yield "gauge", "uptime_seconds", "Time since the start.", {}, stats.uptime
    yield "gauge", "temperature_celsius", "CPU temperature.", {}, stats.load.temperature
