"""The numbers of the daemon as Prometheus reads them."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from edge.types import CameraState, Stats
from edge.view.view_context import ViewContext
from edge.view.web.event_stream import EventBroadcaster
from edge.view.web.mjpeg_stream import MjpegBroadcaster


def render_gauges(
    news: EventBroadcaster, projector: MjpegBroadcaster, outlook: ViewContext
) -> bytes:
    """Return all numbers in Prometheus' text format, version 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MetricsCollector(news, projector, outlook))
    return generate_latest(registry)


class MetricsCollector(Collector):
    """Takes the numbers from where they are, when they are asked for."""

    def __init__(
        self, news: EventBroadcaster, projector: MjpegBroadcaster, outlook: ViewContext
    ) -> None:
        self._news = news
        self._projector = projector
        self._outlook = outlook

    def collect(self) -> Iterator[Metric]:
        """Yield each number, those of the stats as of the latest report."""
        yield from self._moment()
        if self._news.stats is not None:
            yield from _counted(self._news.stats)
            yield from _measured(self._news.stats)

    def _moment(self) -> Iterator[Metric]:
        scene = self._outlook.showcase.newest
        shown = Counter(face.emotion for face in scene.expressions) if scene else Counter[str]()
        faces = GaugeMetricFamily(
            "emotiond_faces_in_view", "Faces told of, by emotion.", labels=["emotion"]
        )
        for emotion in sorted({*(self._news.status.labels if self._news.status else ()), *shown}):
            faces.add_metric([emotion], shown[emotion])
        yield faces
        camera = GaugeMetricFamily("emotiond_camera", "1 for how it is.", labels=["state"])
        for state in CameraState:
            status = self._news.status
            camera.add_metric([state.value], status is not None and status.camera is state)
        yield camera
        yield GaugeMetricFamily(
            "emotiond_frames_per_second", "Analysed.", value=self._outlook.showcase.fps
        )
        yield GaugeMetricFamily(
            "emotiond_viewers", "Of the live picture.", value=self._projector.viewers
        )


def _counted(stats: Stats) -> Iterator[Metric]:
    counted = {
        "frames": (stats.frames, "Read."),
        "detections": (stats.detections, "Frames in which the detector ran."),
        "faces": (stats.faces, "Classified."),
        "refused_faces": (stats.refused, "Taken for none by the model."),
        "events": (stats.events, "Published."),
    }
    for name, (value, text) in counted.items():
        yield CounterMetricFamily(f"emotiond_{name}", text, value=value)
    dropped = CounterMetricFamily("emotiond_dropped", "Let go, by what it was.", labels=["what"])
    for what, count in stats.dropped.items():
        dropped.add_metric([what], count)
    yield dropped


def _measured(stats: Stats) -> Iterator[Metric]:
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
