"""`python -m tools.bench.broker_outage`: does a broker that is away disturb the camera?

The same live stream is watched again and again, each time with another fate of the broker; the
daemon's own last words tell how its frames fared.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.bench.daemon import last_words, run_daemon
from edge.bench.stream import LiveStream
from edge.commands.demo_run import CLIP
from edge.commands.embedded_broker import HOST, EmbeddedBroker, free_port

AWAY, THERE = 2.0, 3.0
"""Seconds that a broker is away and there, where it comes and goes."""


def main() -> None:
    """Run once for each fate and print how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with EmbeddedBroker() as broker, LiveStream(CLIP, options.fps) as stream:
        fates: dict[str, tuple[list[int], Callable[[float], None]]] = {
            "no MQTT": ([], time.sleep),
            "broker there": ([broker.port], time.sleep),
            "broker absent": ([free_port()], time.sleep),
            "comes and goes": ([broker.port], lambda seconds: _come_and_go(broker, seconds)),
        }
        for name, (ports, meanwhile) in fates.items():
            print(f"{name:<15}{_watch(stream, ports, options.seconds, meanwhile)}", flush=True)


def _watch(
    stream: LiveStream, ports: list[int], seconds: float, meanwhile: Callable[[float], None]
) -> str:
    """Return what the daemon says of itself at its end, and its share of a core."""
    sinks = [{"kind": "mqtt", "host": HOST, "port": port, "device": "bench"} for port in ports]
    source = {"kind": "stream", "url": stream.url}
    config: dict[str, Any] = {"source": source, "sinks": sinks, "state": "."}
    with tempfile.TemporaryDirectory() as directory:
        cpu = run_daemon(Path(directory), config, seconds, meanwhile)
        told = last_words(Path(directory))
    return f"{told}; {cpu:.0%} of a core"


def _come_and_go(broker: EmbeddedBroker, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(THERE)
        broker.__exit__()
        time.sleep(AWAY)
        broker.__enter__()


if __name__ == "__main__":
    main()
