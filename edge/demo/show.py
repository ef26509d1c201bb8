"""`emotiond demo`: what a subscriber sees while the daemon watches the built-in clip."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.demo.broker import EmbeddedBroker
from edge.errors import EmotiondError, ExitCode

CLIP = Path(__file__).with_name("faces.mp4")
DEVICE = "emotiond/demo"
BAR = 20
TIMEOUT, FAREWELL = 120.0, 5.0

Message = dict[str, Any]


class Subscriber:
    """Prints each event it receives and keeps the last stats.

    Args:
        host, port: of the broker.
    """

    def __init__(self, host: str, port: int) -> None:
        self.stats: Message | None = None
        self._offline = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.connect(host, port)
        self._client.subscribe(f"{DEVICE}/#", qos=1)
        self._client.loop_start()

    def close(self) -> None:
        """Wait for the daemon's farewell, the last thing it says, and disconnect."""
        self._offline.wait(FAREWELL)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        if message.topic == f"{DEVICE}/event":
            print(event_line(msgspec.json.decode(message.payload)), flush=True)
        elif message.topic == f"{DEVICE}/stats":
            self.stats = msgspec.json.decode(message.payload)
        elif message.topic == f"{DEVICE}/availability" and message.payload == b"offline":
            self._offline.set()


def show() -> ExitCode:
    """Run broker, subscriber and daemon for one pass of the clip, then print the summary.

    Raises:
        EmotiondError: the daemon failed; the text holds its log.
    """
    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "demo.json")  # JSON is YAML
        config.write_bytes(msgspec.json.encode(_config(broker)))
        print(
            f"emotiond watches {CLIP.name}; events on {DEVICE}/event at {broker.host}:{broker.port}"
        )
        subscriber = Subscriber(broker.host, broker.port)
        try:
            _run_daemon(config)
        finally:
            subscriber.close()
    print(summary_lines(subscriber.stats))
    return ExitCode.OK


def _config(broker: EmbeddedBroker) -> Message:
    prefix, _, device = DEVICE.partition("/")
    mqtt = {"kind": "mqtt", "host": broker.host, "port": broker.port}
    return {
        "source": {"kind": "video", "path": str(CLIP)},
        "sinks": [{**mqtt, "prefix": prefix, "device": device}],
    }


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


def event_line(event: Message) -> str:
    """Return one event as a line with a bar for its confidence, or why there is none."""
    return (
        f"{event['time'][11:23]}  {event['type']:<6}  face {event['track_id']}  "
        f"{event['emotion']:<9}  {_sureness(event):<{BAR + 5}}  "
        f"after {event['duration']:4.1f} s  latency {event['latency_ms']:.0f} ms"
    )


def _sureness(event: Message) -> str:
    confidence = event["confidence"]
    if confidence is None:
        return ", ".join(event["reasons"])
    filled = round(BAR * confidence)
    return f"{'█' * filled}{'░' * (BAR - filled)} {confidence:4.0%}"


def summary_lines(stats: Message | None) -> str:
    """Return the numbers of one pass.

    Raises:
        EmotiondError: there are none.
    """
    if stats is None:
        raise EmotiondError("the daemon sent no stats; did the broker stay up?")
    latency = stats["frame_latency_ms"] or {"p50": 0.0, "p95": 0.0}
    dropped = ", ".join(f"{count} {name}" for name, count in stats["dropped"].items())
    return (
        f"\n{stats['frames']} frames, {stats['faces']} faces, {stats['events']} events; "
        f"{stats['fps']['out']:.1f} frames a second\n"
        f"latency p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms; dropped {dropped}"
    )
