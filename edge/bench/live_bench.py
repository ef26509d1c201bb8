"""The whole daemon, as a process of its own, watching a live stream."""

import re
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.bench.daemon import daemon, last_words, processor_seconds
from edge.bench.schema import LiveRow
from edge.bench.stream import LiveStream
from edge.publish.payload import decode_event
from edge.system_stats import rss_bytes
from edge.types import EmotionEvent

WORDS = re.compile(
    r"(?P<fps>[\d.]+) out; (?P<frames>\d+) frames,.*latency p50 (?P<p50>[\d.]+) ms, "
    r"p95 (?P<p95>[\d.]+) ms; dropped (?P<dropped>.*)"
)
"""What the daemon says of itself at its end."""

SETTLING = 4.0
"""Seconds from its start until it is measured."""

LOOK_SECONDS = 0.01
"""Between two looks for the first event."""


class Watched(msgspec.Struct, frozen=True):
    """What is watched, and for how long.

    Attributes:
        scene: what it is called.
        film: what is served as a stream.
        fps: of the stream.
        seconds: for how long it is measured.
        settings: what the config says beside source and sinks.
    """

    scene: str
    film: Path
    fps: float
    seconds: float
    settings: dict[str, Any] = {}


def watch_live(watched: Watched) -> LiveRow:
    """Let the daemon watch a stream of MJPEG, as most cameras give it, and measure it.

    Raises:
        EmotiondError: the daemon ended early; the text is the last it said.
    """
    with (
        LiveStream(watched.film, watched.fps) as stream,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        began = time.monotonic()
        with daemon(folder, _config(watched, stream.url)) as process:
            first = _await_event(folder, began)
            spent = processor_seconds(process.pid)
            time.sleep(watched.seconds)
            cpu = (processor_seconds(process.pid) - spent) / watched.seconds
            memory = rss_bytes(process.pid) / 1e6
        return _row(watched, folder, cpu, memory, first)


def _config(watched: Watched, url: str) -> dict[str, Any]:
    return {
        **watched.settings,
        "source": {"kind": "stream", "url": url},
        "sinks": [{"kind": "jsonl", "path": "events.jsonl"}],
        "state": ".",
    }


def _await_event(folder: Path, began: float) -> float | None:
    """Wait until it has settled; return the seconds from its start to its first event."""
    first = None
    while time.monotonic() < began + SETTLING:
        if first is None and (folder / "events.jsonl").exists():
            first = time.monotonic() - began
        time.sleep(LOOK_SECONDS)
    return first


def _row(watched: Watched, folder: Path, cpu: float, memory: float, first: float | None) -> LiveRow:
    told = WORDS.search(last_words(folder))
    assert told, "the daemon's last words have changed"
    events = _events(folder)
    latencies = [1000 * event.latency for event in events]
    return LiveRow(
        detector=watched.settings.get("detector", {}).get("kind", "auto"),
        model=watched.settings.get("classifier", {}).get("model", "shallow-int8"),
        scene=watched.scene,
        source_fps=watched.fps,
        seconds=watched.seconds,
        fps=float(told["fps"]),
        frames=int(told["frames"]),
        dropped=sum(int(count) for count in re.findall(r"=(\d+)", told["dropped"])),
        p50_ms=float(told["p50"]),
        p95_ms=float(told["p95"]),
        event_p95_ms=float(np.percentile(latencies, 95)) if latencies else None,
        cpu_percent=100 * cpu,
        memory_mb=memory,
        first_event_s=first,
    )


def _events(folder: Path) -> list[EmotionEvent]:
    path = folder / "events.jsonl"
    return [decode_event(line) for line in path.read_bytes().splitlines()] if path.exists() else []
