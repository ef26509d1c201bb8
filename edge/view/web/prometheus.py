"""Metrics of the daemon as Prometheus reads them."""

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from edge.pipeline.latest_frame import LatestFrame
from edge.types import CameraState, DaemonStatus, Stats


def render_metrics(
    status: DaemonStatus | None, stats: Stats | None, latest: LatestFrame, viewers: int
) -> bytes:
    """Return all metrics in the text format of Prometheus, version 0.0.4.

    Args:
        status: the latest; None before the first.
        stats: the latest; None before the first.
        latest: the faces of this moment.
        viewers: number of viewers of the live video.
    """
    metrics = [*_present(status, latest, viewers)]
    if stats is not None:
        metrics += [*_totals(stats), *_measurements(stats)]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics))
    return generate_latest(registry)


class _Collector(Collector):
    """Gives the metrics of this moment to a registry."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _present(status: DaemonStatus | None, latest: LatestFrame, viewers: int) -> Iterator[Metric]:
    frame = latest.newest
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
    yield GaugeMetricFamily("emotiond_frames_per_second", "Analysed.", value=latest.fps)
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
