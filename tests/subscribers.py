"""A real MQTT subscriber that keeps what it receives."""

from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests import schema
from tests.brokers import wait_until


class Subscriber:
    """Subscribes to everything and keeps it; finds its broker again by itself."""

    def __init__(self, host: str, port: int, user: str | None = None, password: str = "") -> None:
        self.messages: list[tuple[str, Any, bool]] = []
        self._subscribed = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self._client.on_disconnect = lambda *_: setattr(self, "_subscribed", False)
        self._client.on_message = self._keep
        self._client.reconnect_delay_set(0.1, 0.3)  # type: ignore[arg-type]
        self._client.connect(host, port)
        self._client.loop_start()
        wait_until(lambda: self._subscribed)

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def payloads(self, topic: str) -> list[Any]:
        """Return what came on `topic`, oldest first; every event must fit its schema."""
        payloads = [payload for name, payload, _ in list(self.messages) if name == topic]
        for payload in payloads if topic.endswith("/event") else ():
            schema.EVENT.validate(payload)
        return payloads

    def _keep(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        text = message.payload
        payload = msgspec.json.decode(text) if text[:1] == b"{" else text.decode()
        self.messages.append((message.topic, payload, message.retain))
