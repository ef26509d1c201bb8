"""All sinks as one."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

from edge.publish.sink import Sink
from edge.records import Record


class Sinks:
    """Gives every sink everything; itself a sink.

    Args:
        sinks: those that are meant.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    @property
    def dropped(self) -> int:
        """How many events they had to let go so far, together."""
        return sum(sink.dropped for sink in self._sinks)

    def start(self) -> None:
        """Start them all.

        Raises:
            EmotiondError: one cannot do its work.
        """
        for sink in self._sinks:
            sink.start()

    def publish(self, record: Record) -> None:
        """Give `record` to each."""
        for sink in self._sinks:
            sink.publish(record)

    def close(self, timeout: float) -> None:
        """Close them all, within `timeout` seconds together; one that fails keeps no other open."""
        deadline = time.monotonic() + timeout
        with ExitStack() as closing:
            for sink in reversed(self._sinks):
                closing.callback(_close, sink, deadline)


def _close(sink: Sink, deadline: float) -> None:
    sink.close(max(0.0, deadline - time.monotonic()))
