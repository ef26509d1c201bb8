"""The contract of every sink."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from edge.types import SinkRecord


class Sink(Protocol):
    """Takes events to where they are wanted.

    One thread alone starts it, publishes and closes it: the pipeline's publish thread.
    """

    @property
    def dropped(self) -> int:
        """How many events it had to drop so far."""

    @property
    def status_text(self) -> str | None:
        """The state of what it depends on outside the process, in a few words; None: nothing."""

    def start(self) -> None:
        """Begin; nothing outside the process is touched before.

        Raises:
            EmotiondError: it cannot do its work, and waiting would not help.
        """

    def publish(self, record: SinkRecord) -> None:
        """Take a record; called from one thread only, and never blocks for long.

        The first record is a DaemonStatus, before `start`. A broker or disk that is away is the
        sink's own matter: it logs that, and counts what it had to drop. It raises only what is a
        fault of the program.
        """

    def close(self, timeout: float) -> None:
        """Deliver what can be delivered within `timeout` seconds, then release everything."""


@runtime_checkable
class ExclusiveSink(Sink, Protocol):
    """Sink that needs what only one process can have, such as a port or the lock of a file."""

    def prepare(self, closed_first: Sequence[Sink] = ()) -> None:
        """Take it, before the start, so that a reload can be refused; `close` gives it back.

        Args:
            closed_first: sinks of this process that are closed before this one is started; what
                they hold until then is as good as taken.

        Raises:
            EmotiondError: another process has it, or it is not there.
        """
