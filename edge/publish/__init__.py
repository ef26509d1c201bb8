"""What leaves the daemon: events, their payloads, and the sinks that publish them."""

from pathlib import Path

from edge.publish.jsonl import JsonlSettings, JsonlSink
from edge.publish.mqtt import MqttSettings, MqttSink
from edge.publish.multi_sink import MultiSink
from edge.publish.sink import Sink
from edge.service.command_queue import CommandQueue

SinkSettings = MqttSettings | JsonlSettings

__all__ = ["JsonlSettings", "MqttSettings", "MultiSink", "Sink", "SinkSettings", "open_sink"]


def open_sink(settings: SinkSettings, outbox: Path, command_queue: CommandQueue | None) -> Sink:
    """Return the sink that `settings` describe, not yet started.

    Args:
        settings: of the sink.
        outbox: the file where it keeps what is not yet delivered, if it is of that kind.
        command_queue: takes the commands that come to it; None takes none.

    Raises:
        ConfigError: a file that the settings name cannot be used.
    """
    match settings:
        case MqttSettings():
            return MqttSink(settings, outbox, command_queue)
        case JsonlSettings():
            return JsonlSink(settings)
