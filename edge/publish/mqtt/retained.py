"""What the broker is to retain of this device."""

import threading

from edge.publish.mqtt.message import OutgoingMessage


class RetainedMessages:
    """One payload a topic, the newest, told again to every broker that is found.

    A broker that was restarted without its memory, or is another one, knows nothing of the device.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pinned: dict[str, OutgoingMessage] = {}
        self._fresh: set[str] = set()

    def pin(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Let the broker retain `payload` on `topic`, in place of what it had there."""
        letter = OutgoingMessage(topic, payload, qos, retain=True)
        with self._lock:
            if self._pinned.get(topic) != letter:
                self._pinned[topic] = letter
                self._fresh.add(topic)

    def renew(self) -> None:
        """Have everything told again although nothing changed."""
        with self._lock:
            self._fresh.update(self._pinned)

    def take(self) -> list[OutgoingMessage]:
        """Return what is to be told now, in the order in which its topics were first pinned."""
        with self._lock:
            fresh, self._fresh = self._fresh, set()
            return (
                [letter for topic, letter in self._pinned.items() if topic in fresh]
                if fresh
                else []
            )
