"""The contract of every sink."""

from typing import Protocol

from edge.records import EmotionEvent, Stats


class Sink(Protocol):
    """Takes events to where they are wanted."""

    @property
    def dropped(self) -> int:
        """How many events it had to let go so far."""

    def start(self) -> None:
        """Begin; nothing outside the process is touched before."""

    def publish(self, record: EmotionEvent | Stats) -> None:
        """Take `record` on. Never blocks for long, and never fails.

        A sink minds its own troubles: it logs them, and counts what it had to drop.
        """

    def close(self) -> None:
        """Deliver what can be delivered within a few seconds, then let go."""
