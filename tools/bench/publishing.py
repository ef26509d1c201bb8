"""`python -m tools.bench.publishing`: what publishing costs, and how soon a broker is found again.

Processor time is that of the whole process, so that the sink's threads count; the reference is the
same payloads published by a bare client, which keeps nothing and says nothing else.
"""

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.commands.embedded_broker import EmbeddedBroker
from edge.geometry import Box
from edge.publish.mqtt import MqttSettings, MqttSink
from edge.publish.payload import encode_event
from edge.types import CameraState, DaemonStatus, EmotionEvent, EventType, Quality

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@dataclass(frozen=True, slots=True)
class Cost:
    """What so many events took.

    Attributes:
        cpu: processor time of this process in milliseconds an event.
        wall: seconds until the broker had acknowledged the last.
    """

    cpu: float
    wall: float

    def __str__(self) -> str:
        return f"{self.cpu:.3f} ms of processor time an event, all there after {self.wall:.1f} s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=200.0, help="events a second")
    parser.add_argument("--returns", type=int, default=5, help="how often the broker is lost")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, EmbeddedBroker() as broker:
        bare = _cost(_publish_bare(broker), options)
        sink = _sink(broker, Path(directory))
        ours = _cost(_publish_by(sink), options)
        times = [_recovery(broker, sink) for _ in range(options.returns)]
        sink.close(5)
    print(f"{options.events} events, {options.rate:g} a second, to a broker on this machine")
    print(f"bare client  {bare}")
    print(f"sink         {ours}; {ours.cpu / bare.cpu:.2f} times as much")
    print(f"after the broker's return: {', '.join(f'{one:.1f}' for one in sorted(times))} s")


def _cost(
    publish: Callable[[EmotionEvent], Callable[[], bool]], options: argparse.Namespace
) -> Cost:
    """Publish at the rate asked; each returns a function that tells whether it was acknowledged."""
    events = [_event(number) for number in range(1, options.events + 1)]
    started, spent = time.monotonic(), time.process_time()
    for number, event in enumerate(events):
        time.sleep(max(0.0, started + number / options.rate - time.monotonic()))
        done = publish(event)
    while not done():
        time.sleep(0.01)
    wall, cpu = time.monotonic() - started, time.process_time() - spent
    return Cost(1000 * (cpu - _pacing(options)) / options.events, wall)


def _pacing(options: argparse.Namespace) -> float:
    """Return the seconds of processor time that waiting for each event's turn takes."""
    count = min(options.events, 200)
    started, spent = time.monotonic(), time.process_time()
    for number in range(count):
        time.sleep(max(0.0, started + number / options.rate - time.monotonic()))
    return float((time.process_time() - spent) * options.events / count)


def _publish_bare(broker: EmbeddedBroker) -> Callable[[EmotionEvent], Callable[[], bool]]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()

    def publish(event: EmotionEvent) -> Callable[[], bool]:
        return client.publish("bench/event", encode_event(event), qos=1).is_published

    return publish


def _sink(broker: EmbeddedBroker, directory: Path) -> MqttSink:
    settings = MqttSettings(host=broker.host, port=broker.port, device="bench")
    sink = MqttSink(settings, directory / "outbox.sqlite")
    sink.publish(DaemonStatus(CameraState.ONLINE, None, "shallow-int8", "emotiond", LABELS))
    sink.start()
    while not sink.connected:
        time.sleep(0.01)
    return sink


def _publish_by(sink: MqttSink) -> Callable[[EmotionEvent], Callable[[], bool]]:
    def publish(event: EmotionEvent) -> Callable[[], bool]:
        sink.publish(event)
        return lambda: sink.flush(0) and not sink.waiting

    return publish


def _recovery(broker: EmbeddedBroker, sink: MqttSink) -> float:
    """Take the broker away for a while; return the seconds from its return to the last event."""
    broker.__exit__()
    for number in range(1, 51):
        sink.publish(_event(number))
    time.sleep(6)  # long enough for the longest time between two tries
    broker.__enter__()
    returned = time.monotonic()
    while sink.waiting:
        time.sleep(0.01)
    return time.monotonic() - returned


def _event(number: int) -> EmotionEvent:
    shares = dict.fromkeys(LABELS, 0.05) | {"happy": 0.7}
    return EmotionEvent(
        id=str(uuid.uuid4()),
        time=datetime.now(UTC),
        type=EventType.CHANGE,
        track_id=number % 4 + 1,
        emotion="happy",
        confidence=0.7,
        probabilities=shares,
        quality=Quality(100.0, 0.08, 120.0, 45.0, 1.5, -2.0),
        reasons=(),
        box=Box(228.2, 128.7, 455.5, 355.9),
        frame_size=(640, 480),
        duration=2.3,
        model="shallow-int8",
        detector="emotiond",
        captured=time.monotonic(),
    )


if __name__ == "__main__":
    main()
