"""One client of a fleet's broker, as a test wants to have it: it says things and keeps all it hears."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import wait_until


class Member:
    """Connects once, and tells what became of it.

    Args:
        port: of a broker on the loopback interface.
        user, password: who it is.
        authority: the certificate that it trusts; None speaks without TLS.
        client_id: the default is its user's name.
        lasting: whether its session outlives the connection.

    Attributes:
        heard: topic and payload of each message, in their order.
        gone: whether the connection has ended.
    """

    def __init__(
        self,
        port: int,
        user: str,
        password: str,
        authority: Path | None = None,
        client_id: str | None = None,
        lasting: bool = False,
    ) -> None:
        self.heard: list[tuple[str, str]] = []
        self.gone = False
        self._welcome = False
        self._subscribed = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or user,
            clean_session=not lasting,
            reconnect_on_failure=False,
        )
        self._client.username_pw_set(user, password)
        if authority is not None:
            self._client.tls_set(str(authority))
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = lambda *_: setattr(self, "gone", True)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_until(lambda: self._welcome or self.gone)

    def __enter__(self) -> "Member":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: str, retain: bool = False) -> bool:
        """Publish at QoS 1; return whether the broker acknowledged it, which is not: allowed it."""
        message = self._client.publish(topic, payload, qos=1, retain=retain)
        with suppress(RuntimeError):  # the connection ended
            wait_until(lambda: message.is_published() or self.gone)
            return message.is_published()
        return False

    def hear(self, *topics: str) -> "Member":
        """Subscribe at QoS 1 and wait for the answer, or the end of the connection."""
        awaited = self._subscribed + 1
        self._client.subscribe([(topic, 1) for topic in topics])
        wait_until(lambda: self._subscribed >= awaited or self.gone)
        return self

    def payloads(self, topic: str) -> list[str]:
        """Return what was heard on `topic`."""
        return [payload for name, payload in list(self.heard) if name == topic]

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, *_: Any
    ) -> None:
        self._welcome = not reason.is_failure

    def _on_subscribe(self, *_: Any) -> None:
        self._subscribed += 1

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload.decode()))
