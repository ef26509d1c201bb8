"""Metrics: counters, rates and percentiles of a pipeline, and the resources that it uses."""

import os
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from edge.types import CameraState, EmotionEvent, ResourceUsage, Stats, TrackedFrame

T = TypeVar("T")
WINDOW = 1024  # number of the latest values that a percentile is taken over
RATE_SECONDS = 10.0  # seconds that a rate is taken over
ZONES = Path("/sys/class/thermal")  # where the kernel reports temperatures
MAX_PLAUSIBLE_TEMPERATURE = 150.0  # degrees Celsius; an absent sensor may tell more, or less than 0


class Metrics:
    """Counters and distributions that several threads write and one reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._marks: defaultdict[str, deque[float]] = defaultdict(deque)
        self._values: defaultdict[str, deque[float]] = defaultdict(partial(deque, maxlen=WINDOW))

    def count(self, name: str, amount: int = 1) -> None:
        """Add `amount` to the counter `name`."""
        with self._lock:
            self._counts[name] += amount

    def total(self, name: str) -> int:
        """Return the counter `name`, 0 when nothing was counted."""
        return self._counts[name]

    def mark(self, name: str) -> None:
        """Count one `name` and remember when, for `rate`."""
        now = time.monotonic()
        with self._lock:
            self._counts[name] += 1
            marks = self._marks[name]
            marks.append(now)
            while now - marks[0] > RATE_SECONDS:
                marks.popleft()

    def rate(self, name: str, now: float | None = None) -> float:
        """Return how many `name` a second were marked over the ten seconds before `now`."""
        now = time.monotonic() if now is None else now
        with self._lock:
            recent = [mark for mark in self._marks[name] if now - mark <= RATE_SECONDS]
        return (len(recent) - 1) / max(now - recent[0], 1e-9) if len(recent) > 1 else 0.0

    def observe(self, name: str, value: float) -> None:
        """Add `value` to the distribution `name`."""
        with self._lock:
            self._values[name].append(value)

    def percentiles(self, name: str) -> tuple[float, float] | None:
        """Return the 50th and 95th percentile of the latest values of `name`, None without any."""
        with self._lock:
            values = list(self._values[name])
        if not values:
            return None
        p50, p95 = np.percentile(values, (50, 95)).tolist()
        return p50, p95


class SystemStats:
    """Samples the CPU time and memory of this process, and the temperature below `zones`."""

    def __init__(self, zones: Path = ZONES) -> None:
        self._zones = zones
        self._sampled, self._cpu_time = time.monotonic(), time.process_time()
        self._share = 0.0
        self.has_temperature = readable(self._temperature) is not None

    def sample(self) -> ResourceUsage:
        """Return what the process took since the last sample that was a second or more ago."""
        now, cpu_time = time.monotonic(), time.process_time()
        if now - self._sampled >= 1.0:
            self._share = (cpu_time - self._cpu_time) / (now - self._sampled)
            self._sampled, self._cpu_time = now, cpu_time
        return ResourceUsage(self._share, readable(rss_bytes), readable(self._temperature))

    def _temperature(self) -> float | None:
        """Return the temperature of the hottest zone, as thermal throttling goes by it."""
        degrees = [0.0]
        for zone in self._zones.glob("thermal_zone*/temp"):
            with suppress(OSError, ValueError):  # a zone may be there and not answer
                # In thousandths of a degree (Documentation/driver-api/thermal).
                degrees.append(int(zone.read_text()) / 1000)
        hottest = max(value for value in degrees if value < MAX_PLAUSIBLE_TEMPERATURE)
        return round(hottest, 1) if hottest > 0 else None


def readable(statistic: Callable[[], T]) -> T | None:
    """Return a statistic, None where it cannot be read: there may be no file descriptor left."""
    with suppress(OSError):
        return statistic()
    return None


def rss_bytes(process: int | None = None) -> int:
    """Return the bytes of memory of a process, or this one (proc(5)); OSError: it has ended."""
    pages = Path(f"/proc/{process or 'self'}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class PipelineStats(Metrics):
    """Metrics of frames, faces and events, while components come and go."""

    def __init__(self) -> None:
        super().__init__()
        self._system = SystemStats()
        self.started = time.monotonic()
        self.ended: float | None = None  # then rates are those of that moment
        self.has_temperature = self._system.has_temperature

    def count_analyzed(self, tracked: TrackedFrame) -> None:
        """Count a frame that came through all of it, and its faces."""
        self.count("faces", sum(track.seen for track in tracked.tracks))
        self.mark("analyzed")
        self.observe("frame", time.monotonic() - tracked.frame.captured)

    def count_event(self, event: EmotionEvent) -> None:
        """Count one that the sinks were given."""
        self.count("events")
        self.observe("event", event.latency)

    @property
    def fps(self) -> float:
        """Frames analyzed per second, over the last ten seconds."""
        return self.rate("analyzed", self.ended)

    def stats(
        self, camera: CameraState, dropped: Mapping[str, int], detections: int, rejected: int
    ) -> Stats:
        """Return the numbers of this moment; the present components count two of them."""
        return Stats(
            time=datetime.now(UTC),
            uptime=time.monotonic() - self.started,
            camera=camera,
            load=self._system.sample(),
            fps_in=self.rate("frames", self.ended),
            fps_out=self.fps,
            frames=self.total("frames"),
            detections=self.total("detections") + detections,
            faces=self.total("faces"),
            rejected_faces=self.total("rejected") + rejected,
            events=self.total("events"),
            dropped=dict(dropped),
            frame_latency=self.percentiles("frame"),
            event_latency=self.percentiles("event"),
        )
