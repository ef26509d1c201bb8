"""What the broker is to retain of this device."""

import threading

from edge.publish.mqtt.message import Letter


class Board:
    """One payload a topic, the newest, told again to every broker that is found.

    A broker that was restarted without its memory, or is another one, knows nothing of the device.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pinned: dict[str, Letter] = {}
        self._fresh: dict[str, None] = {}

    def pin(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Let the broker retain `payload` on `topic`, in place of what it had there."""
        letter = Letter(topic, payload, qos, retain=True)
        with self._lock:
            if self._pinned.get(topic) != letter:
                self._pinned[topic] = letter
                self._fresh[topic] = None

    def renew(self, topic: str | None = None) -> None:
        """Have one topic, or all, told again although nothing changed."""
        with self._lock:
            topics = self._pinned if topic is None else self._pinned.keys() & {topic}
            self._fresh.update(dict.fromkeys(topics))

    def take(self) -> list[Letter]:
        """Return what is to be told now, in the order in which it was pinned."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
            return [self._pinned[topic] for topic in fresh]
