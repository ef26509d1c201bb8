"""What leaves the daemon: events, their payloads, and the sinks that publish them."""

import re
from pathlib import Path

from edge.publish.jsonl import JsonlSettings, JsonlSink
from edge.publish.mqtt import MqttSettings, MqttSink
from edge.publish.multi_sink import MultiSink
from edge.publish.sink import ExclusiveSink, Sink
from edge.service.commands import Catalog, CommandQueue

SinkSettings = MqttSettings | JsonlSettings

__all__ = [
    "ExclusiveSink",
    "JsonlSettings",
    "MqttSettings",
    "MultiSink",
    "Sink",
    "SinkSettings",
    "expand_sink",
    "open_sink",
]


def expand_sink(text: str) -> dict[str, object]:
    """Return the config section of the sink that a short text means, as plain values.

    That is a kind (mqtt), or the URL of a broker: mqtt://host, mqtts://user@host:8883.
    """
    broker = re.fullmatch(
        r"(?P<scheme>mqtts?)://(?:(?P<user>[^@:/]+)@)?(?P<host>[^@:/]+)(?::(?P<port>\d+))?/?", text
    )
    if broker is None:
        return {"kind": text}
    section: dict[str, object] = {"kind": "mqtt", "host": broker["host"]}
    if broker["scheme"] == "mqtts":
        section |= {"port": 8883, "tls": {}}
    if broker["port"]:
        section["port"] = int(broker["port"])
    if broker["user"]:
        section["user"] = broker["user"]
    return section


def open_sink(
    settings: SinkSettings,
    outbox: Path | None,
    command_queue: CommandQueue | None,
    catalog: Catalog,
) -> Sink:
    """Return the sink that `settings` describe, not yet started.

    Args:
        settings: of the sink.
        outbox: the file where it keeps what is not yet delivered, if it is of that kind.
        command_queue: takes the commands that come to it; None takes none.
        catalog: what they may choose from.

    Raises:
        ConfigError: a file that the settings name cannot be used.
    """
    match settings:
        case MqttSettings():
            assert outbox is not None
            return MqttSink(settings, outbox, command_queue, catalog)
        case JsonlSettings():
            return JsonlSink(settings)
