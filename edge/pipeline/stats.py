"""Counters of a pipeline."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from edge.metrics import Metrics, SystemStats
from edge.types import CameraState, EmotionEvent, Stats, TrackedFrame


class PipelineStats:
    """Counts frames, faces and events, and times them, while components come and go.

    Attributes:
        has_temperature: whether the machine reports its temperature.
    """

    def __init__(self) -> None:
        self._system = SystemStats()
        self._metrics = Metrics()
        self._detections = self._rejected = 0
        self._started = time.monotonic()
        self._ended: float | None = None
        self.has_temperature = self._system.has_temperature

    def start(self) -> None:
        """Count the time from now."""
        self._started = time.monotonic()

    def end(self) -> None:
        """Take rates until now, whenever they are asked for."""
        self._ended = time.monotonic()

    def count_frame(self) -> None:
        """Count one that was read."""
        self._metrics.mark("frames")

    def count_analyzed(self, tracked: TrackedFrame) -> None:
        """Count a frame whose faces were read, and them."""
        self._metrics.count("faces", sum(track.seen for track in tracked.tracks))
        self._metrics.mark("analyzed")
        self._metrics.observe("frame", time.monotonic() - tracked.frame.captured)

    def count_event(self, event: EmotionEvent) -> None:
        """Count one that the sinks were given."""
        self._metrics.count("events")
        self._metrics.observe("event", event.latency)

    def add_totals(self, detections: int = 0, rejected: int = 0) -> None:
        """Keep what components that are replaced have counted themselves."""
        self._detections += detections
        self._rejected += rejected

    @property
    def analyzed(self) -> int:
        """How many frames came through all of it."""
        return self._metrics.total("analyzed")

    @property
    def fps(self) -> float:
        """Frames analyzed per second, over the last ten seconds."""
        return self._metrics.rate("analyzed", self._ended)

    def stats(
        self, camera: CameraState, dropped: Mapping[str, int], detections: int, rejected: int
    ) -> Stats:
        """Return the numbers of this moment.

        Args:
            camera: whether frames are coming.
            dropped: how many were dropped so far, by what they were.
            detections: what the present scheduler has counted.
            rejected: what the present analyzer has.
        """
        metrics = self._metrics
        return Stats(
            time=datetime.now(UTC),
            uptime=time.monotonic() - self._started,
            camera=camera,
            load=self._system.sample(),
            fps_in=metrics.rate("frames", self._ended),
            fps_out=self.fps,
            frames=metrics.total("frames"),
            detections=self._detections + detections,
            faces=metrics.total("faces"),
            rejected_faces=self._rejected + rejected,
            events=metrics.total("events"),
            dropped=dict(dropped),
            frame_latency=self._latency("frame"),
            event_latency=self._latency("event"),
        )

    def _latency(self, name: str) -> tuple[float, float] | None:
        p50, p95 = (self._metrics.percentile(name, percent) for percent in (50, 95))
        return None if p50 is None or p95 is None else (p50, p95)
