"""What goes to a broker, and what comes from one."""

from dataclasses import dataclass

from paho.mqtt.properties import Properties


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to publish.

    Attributes:
        properties: of MQTT 5; 3.1.1 has none.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties | None = None


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """What came from a broker.

    Attributes:
        retained: whether the broker had it from before.
        properties: of MQTT 5; 3.1.1 has none.
    """

    topic: str
    payload: bytes
    retained: bool
    properties: Properties | None = None
