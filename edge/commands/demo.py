"""`emotiond demo`: what a subscriber sees while the daemon watches the built-in clip."""

import argparse
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Self

import msgspec

from edge.commands.embedded_broker import EmbeddedBroker
from edge.commands.events import event_line
from edge.errors import EmotiondError, ExitCode
from edge.publish import MqttSettings
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.session import MqttSubscriber
from edge.terminal import print_line

CLIP = Path(__file__).with_name("faces.mp4")

TIMEOUT = 120.0
"""Seconds that the broker may take to answer, and the daemon to end."""

OFFLINE_TIMEOUT = 5.0
"""Seconds that the daemon's last message, `offline`, may take to arrive."""


def add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no options: there are none."""


def demo(options: argparse.Namespace) -> ExitCode:
    """Run broker, subscriber and daemon for one pass of the clip, then print the summary.

    Raises:
        EmotiondError: the daemon failed; the text holds its log.
    """
    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory() as directory:
        sink = MqttSettings(host=broker.host, port=broker.port, device="demo")
        config = {
            "source": {"kind": "video", "path": str(CLIP)},
            "sinks": [sink],
            "state_dir": directory,
        }
        path = Path(directory, "demo.json")  # JSON is YAML
        path.write_bytes(msgspec.json.encode(config))
        topic = sink.topics.event
        print_line(
            f"emotiond watches {CLIP.name}; events on {topic} at {broker.host}:{broker.port}"
        )
        with DemoSubscriber(sink) as subscriber:
            _run_daemon(path)
    for line in summary_lines(subscriber.stats):
        print_line(line)
    return ExitCode.OK


class DemoSubscriber:
    """Prints each event of the daemon and keeps its last stats, for as long as the `with` lasts.

    Args:
        settings: of the daemon's MQTT sink.
    """

    def __init__(self, settings: MqttSettings) -> None:
        self.stats: dict[str, Any] | None = None
        self._topics = settings.topics
        self._offline = threading.Event()
        topics = (self._topics.event, self._topics.stats, self._topics.availability)
        self._subscriber = MqttSubscriber(settings, topics, self._on_message)
        self._thread = threading.Thread(target=self._subscriber.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._subscriber.subscribed.wait(TIMEOUT):
            raise EmotiondError(f"the broker did not answer within {TIMEOUT:.0f} s")
        return self

    def __exit__(self, *_: object) -> None:
        self._offline.wait(OFFLINE_TIMEOUT)
        self._subscriber.stop()
        self._thread.join()

    def _on_message(self, message: MqttMessage) -> None:
        if message.topic == self._topics.event:
            print_line(event_line(message.payload))
        elif message.topic == self._topics.stats:
            self.stats = msgspec.json.decode(message.payload)
        elif message.payload == b"offline":
            self._offline.set()


def _run_daemon(config: Path) -> None:
    command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
    try:
        done = subprocess.run(
            command, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise EmotiondError(f"the daemon did not end within {TIMEOUT:.0f} s") from error
    if done.returncode != ExitCode.OK:
        raise EmotiondError(f"the daemon ended with {done.returncode}:\n{done.stderr}")


def summary_lines(stats: dict[str, Any] | None) -> list[str]:
    """Return lines with the numbers of one pass.

    Raises:
        EmotiondError: there are none.
    """
    if stats is None:
        raise EmotiondError("the daemon sent no stats; did the broker stay up?")
    latency = stats["frame_latency_ms"] or {"p50": 0.0, "p95": 0.0}
    dropped = ", ".join(f"{count} {name}" for name, count in stats["dropped"].items())
    return [
        "",
        f"{stats['frames']} frames, {stats['faces']} faces, {stats['events']} events; "
        f"{stats['fps']['out']:.1f} frames a second",
        f"latency p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms; dropped {dropped}",
    ]
