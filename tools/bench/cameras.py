"""`python -m tools.bench.cameras`: what several cameras in one daemon cost, beside a single one.

The built-in clip is served as live streams of MJPEG, 640x480 with one face. First the daemon
watches one as `source`, then as many as asked as `cameras`.
"""

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.bench.clips import LiveStream
from edge.bench.pipeline_bench import WARM_UP_SECONDS, cpu_share
from edge.commands.demo import CLIP, run_daemon
from edge.metrics import rss_bytes
from edge.terminal import plural

ENDED = re.compile(r"ended; ([\d.]+) fps in, ([\d.]+) out;.* p50 ([\d.]+) ms, p95 ([\d.]+) ms")
"""Line with which the log of each camera ends."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=10)
    parser.add_argument("--fps", type=float, default=15.0)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each")
    options = parser.parse_args(arguments)
    with LiveStream(CLIP, options.fps) as stream:
        _measure({"source": stream.url}, 1, options.seconds)
        several = {f"camera-{number}": stream.url for number in range(options.cameras)}
        _measure({"cameras": several}, options.cameras, options.seconds)


def _measure(config: dict[str, Any], cameras: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config |= {"sinks": {"kind": "jsonl", "path": "events.jsonl"}, "state_dir": "."}
        with run_daemon(folder, config) as process:
            time.sleep(WARM_UP_SECONDS)
            cpu = cpu_share(process.pid, seconds)
            memory = rss_bytes(process.pid) / 1e6
        found = ENDED.findall((folder / "daemon.log").read_text())
        rates, p50, p95 = (
            statistics.median(float(one[part]) for one in found) for part in (1, 2, 3)
        )
        worst = max(float(one[3]) for one in found)
        print(
            f"{plural(cameras, 'camera')}: {cpu:.1%} of a core, {memory:.0f} MB, {rates:.1f} "
            f"frames a second each, p50 {p50:.1f} ms, p95 {p95:.1f} ms (worst {worst:.1f} ms)"
        )


if __name__ == "__main__":
    main()
