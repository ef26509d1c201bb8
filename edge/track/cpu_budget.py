"""How much processor time a stage may still use."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

SAVED = 1.0
"""Seconds of the share that can be saved up, or owed: neither a long calm nor a long rush is
remembered for longer."""


NEWS = 0.1
"""Weight of the newest in the average of what work takes."""


class CpuBudget:
    """Earns processor time as the clock runs, and spends what work takes.

    Work is measured on the clock of its own thread, so that a busy machine does not make it dearer.

    Args:
        share: of one core, above 0.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._credit = share * SAVED
        self._earned: float | None = None

    @property
    def allows(self) -> bool:
        """Whether anything is left to spend."""
        return self._credit > 0

    def earn(self, now: float) -> None:
        """Add what the time since the last call brought, in seconds of any one clock."""
        elapsed = 0.0 if self._earned is None else max(0.0, now - self._earned)
        self._earned = now
        self._credit = min(self._share * SAVED, self._credit + self._share * elapsed)

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Subtract the processor time that the block takes."""
        began = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - began
            self._credit = max(-self._share * SAVED, self._credit - spent)


class CostEstimate:
    """What one kind of work takes of late, in seconds of its own thread."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    @contextmanager
    def paid(self, pieces: int = 1) -> Iterator[None]:
        """Learn from the block, which does so many pieces of that work."""
        began = time.thread_time()
        yield
        each = (time.thread_time() - began) / max(1, pieces)
        before = each if self.seconds is None else self.seconds
        self.seconds = before + NEWS * (each - before)
