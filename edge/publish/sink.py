"""The contract of every sink."""

from typing import Protocol

from edge.types import SinkRecord


class Sink(Protocol):
    """Takes events to where they are wanted."""

    @property
    def dropped(self) -> int:
        """How many events it had to let go so far."""

    @property
    def condition(self) -> str | None:
        """How it fares with what is outside the process, in a few words; None: nothing to tell."""

    def start(self) -> None:
        """Begin; nothing outside the process is touched before.

        Raises:
            EmotiondError: it cannot do its work, and waiting would not help.
        """

    def publish(self, record: SinkRecord) -> None:
        """Take `record` on; never block for long. The first is a Status, before the start.

        A broker or disk that is away is the sink's own trouble: it logs it, and counts what it had
        to drop. It raises only what is a fault of the program.
        """

    def close(self, timeout: float) -> None:
        """Deliver what can be delivered within `timeout` seconds, then let go."""
