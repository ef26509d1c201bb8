"""What devices publish, told as it happens."""

import msgspec

from edge.commands.event_line import event_line, plain_line, printable
from edge.publish.mqtt.client import MqttMessage
from edge.publish.topics import Topics


class Camera(msgspec.Struct, frozen=True):
    """What `state` says of the camera."""

    camera: str
    paused_until: str | None = None


class WatchFormatter:
    """Turns messages into lines: every event, and of all else what is new.

    Args:
        names: whether each line begins with the name of its device.
    """

    def __init__(self, names: bool) -> None:
        self._names = names
        self._known: dict[str, str] = {}

    @staticmethod
    def topics(root: str) -> tuple[str, ...]:
        """Return what is to be subscribed to for the devices of `root`."""
        topics = Topics(root)
        return topics.event, topics.availability, topics.state

    def line(self, message: MqttMessage) -> str | None:
        """Return what a message has to tell, None where that is known."""
        if not message.payload:  # what was retained is taken away
            return None
        root, _, kind = message.topic.rpartition("/")
        device = f"{root.rpartition('/')[2]:<12}  " if self._names else ""
        try:
            told = self._told(kind, message)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            told = plain_line(f"{message.topic}: not understood: {error}")
        return None if told is None else printable(device + told)

    def _told(self, kind: str, message: MqttMessage) -> str | None:
        match kind:
            case "event":
                return event_line(message.payload)
            case "availability":
                return self._news(message.topic, f"device {message.payload.decode()}")
            case "state":
                return self._news(message.topic, _camera(message.payload))
        return None

    def _news(self, topic: str, text: str) -> str | None:
        """Return a line unless it says what was said last."""
        if self._known.get(topic) == text:
            return None
        self._known[topic] = text
        return plain_line(text)


def _camera(payload: bytes) -> str:
    state = msgspec.json.decode(payload, type=Camera)
    until = f" until {state.paused_until}" if state.paused_until else ""
    return f"camera {state.camera}{until}"
