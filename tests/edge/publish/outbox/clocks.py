"""Clocks that a test sets."""

from dataclasses import dataclass

from edge.publish.outbox_store import SystemClock


@dataclass
class Times:
    """What the clocks of a machine show."""

    boot: str = "first"
    running: float = 1000.0
    wall: float = 1_790_000_000.0

    @property
    def clock(self) -> SystemClock:
        """The clocks that show it."""
        return SystemClock(lambda: self.boot, lambda: self.running, lambda: self.wall)

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.running += seconds
        self.wall += seconds

    def reboot(self, boot: str, off: float = 0.0, running: float = 20.0) -> None:
        """Switch the machine off and on again, `off` seconds later by its wall clock."""
        self.boot = boot
        self.wall += off + running
        self.running = running
