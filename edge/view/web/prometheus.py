"""Metrics of the daemon as Prometheus reads them."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from edge.types import CameraState, Stats
from edge.view.settings import ViewContext
from edge.view.web.streams import EventBroadcaster, MjpegBroadcaster


def render_metrics(
    events: EventBroadcaster, video: MjpegBroadcaster, context: ViewContext
) -> bytes:
    """Return all metrics in the text format of Prometheus, version 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MetricsCollector(events, video, context))
    return generate_latest(registry)


class MetricsCollector(Collector):
    """Collects the metrics when they are asked for.

    Args:
        events: has the latest status and stats.
        video: knows its viewers.
        context: has the latest frame.
    """

    def __init__(
        self, events: EventBroadcaster, video: MjpegBroadcaster, context: ViewContext
    ) -> None:
        self._events = events
        self._video = video
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment, then those of the latest stats."""
        yield from self._present()
        if self._events.stats is not None:
            yield from _totals(self._events.stats)
            yield from _measurements(self._events.stats)

    def _present(self) -> Iterator[Metric]:
        status, frame = self._events.status, self._context.latest.newest
        counts = Counter(face.emotion for face in frame.expressions) if frame else Counter[str]()
        faces = GaugeMetricFamily(
            "emotiond_faces_in_view", "Faces told of, by emotion.", labels=["emotion"]
        )
        for emotion in sorted({*(status.labels if status else ()), *counts}):
            faces.add_metric([emotion], counts[emotion])
        yield faces
        camera = GaugeMetricFamily("emotiond_camera", "1 for how it is.", labels=["state"])
        for state in CameraState:
            camera.add_metric([state.value], status is not None and status.camera is state)
        yield camera
        fps, viewers = self._context.latest.fps, self._video.viewers
        yield GaugeMetricFamily("emotiond_frames_per_second", "Analysed.", value=fps)
        yield GaugeMetricFamily("emotiond_viewers", "Of the live picture.", value=viewers)


def _totals(stats: Stats) -> Iterator[Metric]:
    totals = {
        "frames": (stats.frames, "Read."),
        "detections": (stats.detections, "Frames in which the detector ran."),
        "faces": (stats.faces, "Classified."),
        "refused_faces": (stats.rejected_faces, "Taken for none by the model."),
        "events": (stats.events, "Published."),
    }
    for name, (value, text) in totals.items():
        yield CounterMetricFamily(f"emotiond_{name}", text, value=value)
    dropped = CounterMetricFamily("emotiond_dropped", "Let go, by what it was.", labels=["what"])
    for item, count in stats.dropped.items():
        dropped.add_metric([item], count)
    yield dropped


def _measurements(stats: Stats) -> Iterator[Metric]:
    latency = GaugeMetricFamily(
        "emotiond_latency_seconds", "From capture, over the latest.", labels=["to", "quantile"]
    )
    for to, values in (("expression", stats.frame_latency), ("event", stats.event_latency)):
        for quantile, value in zip(("0.5", "0.95"), values or (), strict=False):
            latency.add_metric([to, quantile], value)
    yield latency
    load = stats.load
    yield GaugeMetricFamily("emotiond_cpu_share", "Of one core.", value=load.cpu)
    yield GaugeMetricFamily("emotiond_memory_bytes", "Resident.", value=load.memory)
    yield GaugeMetricFamily("emotiond_uptime_seconds", "Since the start.", value=stats.uptime)
    if load.temperature is not None:
        yield GaugeMetricFamily(
            "emotiond_temperature_celsius", "Of the processor.", value=load.temperature
        )
