"""Events, their payloads, and the registry of the sinks."""

import re

from edge.publish.jsonl import JsonlSettings
from edge.publish.mqtt.settings import MqttSettings
from edge.publish.osc import OscSettings
from edge.publish.program import CommandSettings
from edge.publish.sink import ExclusiveSink, MultiSink, Sink, SinkContext
from edge.publish.webhook import WebhookSettings

SinkSettings = MqttSettings | JsonlSettings | WebhookSettings | CommandSettings | OscSettings
"""Registry of the sinks; `edge.publish.sink.BaseSinkSettings` says what their settings tell."""

__all__ = [
    "CommandSettings",
    "ExclusiveSink",
    "JsonlSettings",
    "MqttSettings",
    "MultiSink",
    "OscSettings",
    "Sink",
    "SinkContext",
    "SinkSettings",
    "WebhookSettings",
    "expand_sink",
]


def expand_sink(text: str) -> dict[str, object]:
    """Return the config section of the sink that a short text means, as plain values.

    That is a kind (mqtt), or the URL of a broker: mqtt://host, mqtts://user@host:8883.
    """
    broker = re.fullmatch(r"(mqtts?)://(?:([^@:/]+)@)?([^@:/]+)(?::(\d+))?/?", text)
    if broker is None:
        return {"kind": text}
    scheme, user, host, port = broker.groups()
    section: dict[str, object] = {"kind": "mqtt", "host": host}
    section |= {"port": 8883, "tls": {}} if scheme == "mqtts" else {}
    return section | ({"port": int(port)} if port else {}) | ({"user": user} if user else {})
