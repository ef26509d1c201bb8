"""What leaves the daemon: events, and where they go."""

from edge.publish.broker import MqttSettings
from edge.publish.jsonl import JsonlSettings, JsonlSink
from edge.publish.mqtt import MqttSink
from edge.publish.sink import Sink

SinkSettings = MqttSettings | JsonlSettings

__all__ = ["JsonlSettings", "MqttSettings", "Sink", "SinkSettings", "open_sink"]


def open_sink(settings: SinkSettings) -> Sink:
    """Return the sink that `settings` describe, not yet started.

    Raises:
        ConfigError: a file that the settings name cannot be used.
    """
    match settings:
        case MqttSettings():
            return MqttSink(settings)
        case JsonlSettings():
            return JsonlSink(settings)
