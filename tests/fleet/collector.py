"""Who reads at the centre: counts the events of all devices, and how long each was on its way."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import wait_until

USER = "collector"
KEEPALIVE = 15


class Event(msgspec.Struct):
    """What is looked at of an event."""

    id: str
    time: datetime


class Collector:
    """Subscribes with a session that outlives its connections; tries several brokers in turn.

    Args:
        ports: of the brokers, on the loopback interface.
        password: of the user `collector`.
        authority: the certificate that it trusts.
        depth: how many levels there are below `emotiond`, before `event`.

    Attributes:
        latency: seconds from each event's time to its arrival, by its id.
        repeats: events that came once more.
        last: when the last new event came, on the monotonic clock.
        online: devices that said so.
    """

    def __init__(self, ports: Sequence[int], password: str, authority: Path, depth: int) -> None:
        self.latency: dict[str, float] = {}
        self.repeats = 0
        self.last = 0.0
        self.online: set[str] = set()
        self._ports = ports
        self._subscribed = False
        self._stopping = False
        levels = "/".join(["emotiond", *"+" * depth])
        self._topics = [(f"{levels}/{name}", 1) for name in ("event", "availability")]
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=USER, clean_session=False)
        self._client.username_pw_set(USER, password)
        self._client.tls_set(str(authority))
        self._client.on_connect = lambda client, *_: client.subscribe(self._topics)
        self._client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self._client.on_message = self._count
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self) -> "Collector":
        self._thread.start()
        wait_until(lambda: self._subscribed)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join()

    def _collect(self) -> None:
        for port in cycle(self._ports):
            try:
                self._client.connect("127.0.0.1", port, KEEPALIVE)
                self._listen()
            except OSError:
                time.sleep(0.2)
            if self._stopping:
                self._client.disconnect()
                return

    def _listen(self) -> None:
        """Hear until the connection ends."""
        while not self._stopping and self._client.loop(0.2) == paho.MQTT_ERR_SUCCESS:
            pass

    def _count(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        device, _, kind = message.topic.rpartition("/")
        if kind == "availability":
            change = self.online.add if message.payload == b"online" else self.online.discard
            change(device)
            return
        event = msgspec.json.decode(message.payload, type=Event)
        if event.id in self.latency:
            self.repeats += 1
            return
        self.last = time.monotonic()
        self.latency[event.id] = time.time() - event.time.timestamp()
