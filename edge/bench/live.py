"""`python -m edge.bench.live`: does the daemon keep up with a live camera, and how late is it?

The built-in clip is served as a live stream of 640x480 and the daemon watches it as a process of
its own, publishing to a broker; its own stats are the result.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.bench.daemon import run_daemon
from edge.bench.stream import LiveStream
from edge.demo.broker import EmbeddedBroker
from edge.demo.show import CLIP


def main() -> None:
    """Run for the seconds asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--budget", type=float, default=0.15, help="detect.cpu_budget")
    options = parser.parse_args()
    with (
        EmbeddedBroker() as broker,
        LiveStream(CLIP, options.fps) as stream,
        tempfile.TemporaryDirectory() as directory,
    ):
        stats: dict[str, Any] = {}
        client = _listen(broker, stats)
        config = _config(stream.url, broker, options.budget)
        cpu = run_daemon(Path(directory), config, options.seconds)
        client.disconnect()
    _print(stats, cpu, options)


def _listen(broker: EmbeddedBroker, stats: dict[str, Any]) -> paho.Client:
    """Keep the latest stats in `stats`."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: stats.update(
        msgspec.json.decode(message.payload)
    )
    client.connect(broker.host, broker.port)
    client.subscribe("emotiond/bench/stats")
    client.loop_start()
    return client


def _config(url: str, broker: EmbeddedBroker, budget: float) -> dict[str, Any]:
    mqtt = {"kind": "mqtt", "host": broker.host, "port": broker.port, "device": "bench"}
    source = {"kind": "stream", "url": url}
    return {"source": source, "detect": {"cpu_budget": budget}, "sinks": [mqtt], "state": "."}


def _print(stats: dict[str, Any], cpu: float, options: argparse.Namespace) -> None:
    interval = 1000 / options.fps
    dropped = ", ".join(f"{count} {name}" for name, count in stats["dropped"].items())
    print(f"{options.seconds:.0f} s at {options.fps:g} fps: {stats['frames']} frames")
    print(f"in {stats['fps']['in']} fps, analysed {stats['fps']['out']} fps; dropped {dropped}")
    for name in ("frame", "event"):
        latency, count = stats[f"{name}_latency_ms"], stats[f"{name}s"]
        print(
            f"{name} latency p50 {latency['p50']} ms, p95 {latency['p95']} ms "
            f"= {latency['p95'] / interval:.2f} frame intervals ({count} {name}s)"
        )
    print(f"the detector ran in {stats['detections'] / stats['frames']:.0%} of the frames")
    print(f"processor {cpu:.0%} of one core")


if __name__ == "__main__":
    main()
