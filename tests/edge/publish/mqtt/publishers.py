"""MQTT sinks for tests, on brokers of this machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.publish.mqtt.settings import MqttSettings
from edge.publish.mqtt.sink import MqttSink
from edge.publish.sink import SinkContext
from edge.service.commands import CommandQueue
from tests.brokers import Broker
from tests.events import status
from tests.subscribers import Subscriber

ROOT = "emotiond/test"

Publish = Callable[..., MqttSink]
"""Starts a sink: port, a command queue, and fields of the settings."""


def settings(port: int, **fields: Any) -> MqttSettings:
    return MqttSettings(**{"host": "127.0.0.1", "port": port, "device": "test", **fields})


@contextmanager
def publishing(folder: Path) -> Iterator[Publish]:
    """Give sinks whose outbox is in `folder`; what the test leaves open is closed."""
    sinks: list[MqttSink] = []

    def start(port: int, command_queue: CommandQueue | None = None, **fields: Any) -> MqttSink:
        sink = settings(port, **fields).open(SinkContext(folder / "outbox.sqlite", command_queue))
        sink.publish(status())
        sink.start()
        sinks.append(sink)
        return sink

    try:
        yield start
    finally:
        for sink in sinks:
            sink.close(0.1)


def retained(broker: Broker) -> dict[str, Any]:
    """Return what the broker retains below the device's root, by the rest of the topic."""
    with Subscriber(broker.host, broker.port) as late:
        late.catch_up()
        return {
            topic.removeprefix(f"{ROOT}/"): payload
            for topic, payload, kept in late.messages
            if kept
        }
