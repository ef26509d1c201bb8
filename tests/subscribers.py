"""A real MQTT subscriber that keeps what it receives."""

from contextlib import suppress
from typing import Any
from uuid import uuid4

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests import contract
from tests.brokers import MOSQUITTO, wait_until

MARK = "mark"
"""Where a subscriber sends itself what tells it that all before it has come."""


class Subscriber:
    """Subscribes to everything and keeps it; finds its broker again by itself.

    What emotiond sent must be as docs/asyncapi.yaml has it, or the test fails.

    Args:
        host, port: of the broker.
        user, password: who it is there.
        protocol: with 5, `raw` has the properties of each message, and whether it was sent to be
            retained.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str | None = None,
        password: str = "",
        protocol: int = paho.MQTTv311,
    ) -> None:
        self.messages: list[tuple[str, Any, bool]] = []
        self.raw: list[paho.MQTTMessage] = []
        self._marks: list[bytes] = []
        self._faults: list[AssertionError] = []
        self._subscribed = False
        self._exact = protocol == paho.MQTTv5
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(protocol)
        )
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = lambda *_: self._subscribe()
        self._client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self._client.on_disconnect = lambda *_: setattr(self, "_subscribed", False)
        self._client.on_message = self._keep
        self._client.reconnect_delay_set(0.1, 0.3)  # type: ignore[arg-type]
        self._client.connect(host, port)
        self._client.loop_start()
        wait_until(lambda: self._subscribed)

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        if kind is None:
            self._complain()

    def payloads(self, topic: str) -> list[Any]:
        """Return what came on `topic`, oldest first."""
        self._complain()
        return [payload for name, payload, _ in list(self.messages) if name == topic]

    def publish(self, topic: str, payload: bytes, retain: bool = False, **fields: Any) -> None:
        """Publish at QoS 1, and wait until the broker has it."""
        self._client.publish(topic, payload, 1, retain, **fields).wait_for_publish(15)

    def catch_up(self) -> None:
        """Wait until everything has come that the broker has by now."""
        mark = uuid4().bytes
        self.publish(MARK, mark)
        wait_until(lambda: mark in self._marks)

    def _subscribe(self) -> None:
        if self._exact:
            options = SubscribeOptions(qos=1, retainAsPublished=True)
            self._client.subscribe("#", options=options)
        else:
            self._client.subscribe("#", qos=1)

    def _keep(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        if message.topic == MARK:
            self._marks.append(payload)
            return
        self.raw.append(message)
        self.messages.append((message.topic, _read(payload), message.retain))
        # Of what was not retained before, the flag of MQTT 3.1.1 tells nothing.
        retain = message.retain if self._exact else message.retain or None
        try:
            if contract.is_sent(message.topic):
                # The embedded broker passes messages on at a QoS of its own choice.
                qos = message.qos if MOSQUITTO else None
                contract.check(message.topic, payload, retain, qos)
        except AssertionError as fault:
            self._faults.append(fault)  # the client's thread is no place to fail

    def _complain(self) -> None:
        if self._faults:
            raise self._faults[0]


def _read(payload: bytes) -> Any:
    """Return plain values where a payload is JSON, else a text, else the bytes."""
    with suppress(msgspec.DecodeError):
        if payload.startswith(b"{"):
            return msgspec.json.decode(payload)
    with suppress(UnicodeDecodeError):
        return payload.decode()
    return payload
