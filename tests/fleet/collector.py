"""A reader of a fleet's events: counts them, with a session that outlives its connections."""

import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import wait_until

USER = "collector"
KEEPALIVE = 15


class Event(msgspec.Struct):
    """What is read of an event."""

    id: str


class Collector:
    """Subscribes to the events and the availability of every device.

    Args:
        port: of the broker, on the loopback interface.
        password: of the user `collector`.
        authority: the certificate that it trusts.

    Attributes:
        received: ids of the events that came.
        online: devices that said so.
    """

    def __init__(self, port: int, password: str, authority: Path) -> None:
        self.received: set[str] = set()
        self.online: set[str] = set()
        self._port = port
        self._subscribed = False
        self._stopping = False
        topics = [("emotiond/+/event", 1), ("emotiond/+/availability", 1)]
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=USER, clean_session=False)
        self._client.username_pw_set(USER, password)
        self._client.tls_set(str(authority))
        self._client.on_connect = lambda client, *_: client.subscribe(topics)
        self._client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self) -> "Collector":
        self._thread.start()
        wait_until(lambda: self._subscribed)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join()

    def _collect(self) -> None:
        while not self._stopping:
            try:
                self._client.connect("127.0.0.1", self._port, KEEPALIVE)
                while not self._stopping and self._client.loop(0.2) == paho.MQTT_ERR_SUCCESS:
                    pass
            except OSError:
                time.sleep(0.2)
        self._client.disconnect()

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        device, _, kind = message.topic.rpartition("/")
        if kind == "event":
            self.received.add(msgspec.json.decode(message.payload, type=Event).id)
        elif message.payload == b"online":
            self.online.add(device)
        else:
            self.online.discard(device)
