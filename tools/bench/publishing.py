"""`python -m tools.bench.publishing`: cost of publishing, and time until a lost broker is back.

CPU time is that of the whole process, so that the sink's threads count. For comparison, the same
payloads are published by a plain paho client, which keeps nothing and says nothing else.
"""

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.commands.embedded_broker import EmbeddedBroker
from edge.geometry import Box
from edge.publish.events import encode_event
from edge.publish.mqtt.settings import MqttSettings
from edge.publish.mqtt.sink import MqttSink
from edge.publish.sink import SinkContext
from edge.types import CameraState, DaemonStatus, EmotionEvent, EventType, Quality, Track

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

OUTAGE_SECONDS = 6.0
"""Time that the broker is away: longer than the longest time between two attempts to connect."""

POLL_SECONDS = 0.01

IsAcknowledged = Callable[[], bool]

Publish = Callable[[EmotionEvent], IsAcknowledged]
"""Publishes an event and returns a function that tells whether it was acknowledged."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of publishing events.

    Attributes:
        cpu: CPU time of this process in milliseconds an event.
        wall: seconds until the broker had acknowledged the last.
    """

    cpu: float
    wall: float

    def __str__(self) -> str:
        return f"{self.cpu:.3f} ms of CPU time an event, all acknowledged after {self.wall:.1f} s"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=200.0, help="events a second")
    parser.add_argument("--outages", type=int, default=5, help="how often the broker is lost")
    options = parser.parse_args(arguments)
    count, rate = options.events, options.rate
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker() as broker:
        plain = _measure(_plain_client(broker), count, rate)
        sink = _connect_sink(broker, Path(folder))
        ours = _measure(_publish_by(sink), count, rate)
        recoveries = [_time_recovery(broker, sink) for _ in range(options.outages)]
        sink.close(5)
    print(f"{count} events, {rate:g} a second, to a broker on this machine")
    print(f"plain client  {plain}")
    print(f"sink          {ours}; {ours.cpu / plain.cpu:.2f} times as much CPU time")
    if recoveries:
        times = ", ".join(f"{one:.1f}" for one in sorted(recoveries))
        print(f"seconds from the broker's return to the last event: {times}")


def _measure(publish: Publish, count: int, rate: float) -> Cost:
    """Publish at the rate asked and wait until the last event is acknowledged."""
    events = [_event(number) for number in range(count)]
    started, cpu = time.monotonic(), time.process_time()
    for number, event in enumerate(events):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        acknowledged = publish(event)
    while not acknowledged():
        time.sleep(POLL_SECONDS)
    wall, cpu = time.monotonic() - started, time.process_time() - cpu
    return Cost(1000 * (cpu / count - _waiting_cost(min(count, 200), rate)), wall)


def _waiting_cost(count: int, rate: float) -> float:
    """Return the seconds of CPU time that waiting for an event's turn takes."""
    started, cpu = time.monotonic(), time.process_time()
    for number in range(count):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
    return (time.process_time() - cpu) / count


def _plain_client(broker: EmbeddedBroker) -> Publish:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()

    def publish(event: EmotionEvent) -> IsAcknowledged:
        return client.publish("bench/event", encode_event(event), qos=1).is_published

    return publish


def _connect_sink(broker: EmbeddedBroker, folder: Path) -> MqttSink:
    settings = MqttSettings(host=broker.host, port=broker.port, device="bench")
    sink = settings.open(SinkContext(folder / "outbox.sqlite"))
    sink.publish(DaemonStatus(CameraState.ONLINE, None, "shallow-int8", "builtin", LABELS))
    sink.start()
    while not sink.connected:
        time.sleep(POLL_SECONDS)
    return sink


def _publish_by(sink: MqttSink) -> Publish:
    def publish(event: EmotionEvent) -> IsAcknowledged:
        sink.publish(event)
        return lambda: sink.flush(0) and not sink.waiting

    return publish


def _time_recovery(broker: EmbeddedBroker, sink: MqttSink) -> float:
    """Stop the broker for a while; return the seconds from its return to the last event."""
    broker.__exit__()
    for number in range(50):
        sink.publish(_event(number))
    time.sleep(OUTAGE_SECONDS)
    broker.__enter__()
    returned = time.monotonic()
    while sink.waiting:
        time.sleep(POLL_SECONDS)
    return time.monotonic() - returned


def _event(number: int) -> EmotionEvent:
    return EmotionEvent(
        track=Track(number % 4 + 1, Box(228.2, 128.7, 455.5, 355.9), seen=True),
        id=str(uuid.uuid4()),
        time=datetime.now(UTC),
        type=EventType.CHANGE,
        emotion="happy",
        probabilities=dict.fromkeys(LABELS, 0.05) | {"happy": 0.7},
        quality=Quality(100.0, 0.08, 120.0, 45.0, 1.5, -2.0),
        reasons=(),
        frame_size=(640, 480),
        duration=2.3,
        model="shallow-int8",
        detector="builtin",
        captured=time.monotonic(),
    )


if __name__ == "__main__":
    main()
