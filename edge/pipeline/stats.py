"""What a pipeline counts of what it does."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from edge.metrics import Metrics
from edge.system_stats import SystemStats
from edge.types import CameraState, EmotionEvent, Stats, TrackedFrame


class PipelineStats:
    """Counts frames, faces and events, and times them, while the parts that make them may change.

    Attributes:
        thermometer: whether the machine tells its temperature.
    """

    def __init__(self) -> None:
        self._machine = SystemStats()
        self._metrics = Metrics()
        self._detections = self._refused = 0
        self._started = time.monotonic()
        self._ended: float | None = None
        self.thermometer = self._machine.thermometer

    def start(self) -> None:
        """Count the time from now."""
        self._started = time.monotonic()

    def end(self) -> None:
        """Take rates until now, whenever they are asked for."""
        self._ended = time.monotonic()

    def count_frame(self) -> None:
        """Count one that was read."""
        self._metrics.mark("frames")

    def count_analysed(self, tracked: TrackedFrame) -> None:
        """Count a frame whose faces were read, and them."""
        self._metrics.count("faces", sum(track.seen for track in tracked.tracks))
        self._metrics.mark("analysed")
        self._metrics.observe("frame", time.monotonic() - tracked.frame.captured)

    def count_event(self, event: EmotionEvent) -> None:
        """Count one that the sinks were given."""
        self._metrics.count("events")
        self._metrics.observe("event", event.latency)

    def keep(self, detections: int = 0, refused: int = 0) -> None:
        """Keep what parts that leave have counted themselves."""
        self._detections += detections
        self._refused += refused

    @property
    def analysed(self) -> int:
        """How many frames came through all of it."""
        return self._metrics.total("analysed")

    @property
    def fps(self) -> float:
        """Frames a second analysed, over the last ten seconds."""
        return self._metrics.rate("analysed", self._ended)

    def stats(
        self, camera: CameraState, dropped: Mapping[str, int], detections: int, refused: int
    ) -> Stats:
        """Return the numbers of this moment.

        Args:
            camera: whether frames are coming.
            dropped: how many were let go so far, by what they were.
            detections: what the present follower has counted.
            refused: what those who read its faces have.
        """
        metrics = self._metrics
        return Stats(
            time=datetime.now(UTC),
            uptime=time.monotonic() - self._started,
            camera=camera,
            load=self._machine.look(),
            fps_in=metrics.rate("frames", self._ended),
            fps_out=self.fps,
            frames=metrics.total("frames"),
            detections=self._detections + detections,
            faces=metrics.total("faces"),
            refused=self._refused + refused,
            events=metrics.total("events"),
            dropped=dict(dropped),
            frame_latency=self._latency("frame"),
            event_latency=self._latency("event"),
        )

    def _latency(self, name: str) -> tuple[float, float] | None:
        p50, p95 = (self._metrics.percentile(name, percent) for percent in (50, 95))
        return None if p50 is None or p95 is None else (p50, p95)
