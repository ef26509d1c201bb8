"""Events, their payloads, and the registry of the sinks."""

import re

from edge.publish.jsonl import JsonlSettings
from edge.publish.mqtt.settings import MqttSettings
from edge.publish.osc import OscSettings
from edge.publish.program import CommandSettings
from edge.publish.sink import MultiSink, Sink, SinkContext
from edge.publish.webhook import WebhookSettings

SinkSettings = MqttSettings | JsonlSettings | WebhookSettings | CommandSettings | OscSettings
"""Registry of the sinks; `edge.publish.sink.BaseSinkSettings` says what their settings tell."""

__all__ = ["MqttSettings", "MultiSink", "Sink", "SinkContext", "SinkSettings"]


def expand_sink(text: str) -> dict[str, object]:
    """Return the config section that a kind (mqtt) or a URL (mqtts://user@host:8883) means."""
    broker = re.fullmatch(r"mqtt(s?)://(?:([^@:/]+)@)?([^@:/]+)(?::(\d+))?/?", text)
    if broker is None:
        return {"kind": text}
    tls, user, host, port = broker.groups()
    section: dict[str, object] = {"kind": "mqtt", "host": host}
    section |= {"port": 8883, "tls": {}} if tls else {}
    section |= {"port": int(port)} if port else {}
    return section | ({"user": user} if user else {})
