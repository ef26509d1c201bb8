"""Live benchmark: the whole daemon as a process of its own, watching a live stream."""

import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.bench.clips import LiveStream
from edge.bench.model_bench import DEFAULT_MODEL
from edge.commands.demo import final_stats, run_daemon
from edge.metrics import rss_bytes

FINAL_STATS = re.compile(  # the line with which the daemon ends its log
    r"(?P<fps>[\d.]+) out; (?P<frames>\d+) frames?,.*latency p50 (?P<p50_ms>[\d.]+) ms, "
    r"p95 (?P<p95_ms>[\d.]+) ms; dropped (?P<dropped>.*)"
)

WARM_UP_SECONDS = 4.0  # from the daemon's start until it is measured


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
