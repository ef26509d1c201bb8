"""All sinks as one."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

from edge.publish.sink import Sink
from edge.types import DaemonStatus, SinkRecord


class MultiSink:
    """Gives every sink everything; itself a sink. Others may take their place while it does.

    Args:
        sinks: those that are meant.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)
        self._gone = 0
        self._status: DaemonStatus | None = None

    @property
    def dropped(self) -> int:
        """How many events they had to let go so far, together."""
        return self._gone + sum(sink.dropped for sink in self._sinks)

    @property
    def condition(self) -> str | None:
        """How they fare; None where none of them has anything to tell."""
        told = [sink.condition for sink in self._sinks]
        return "; ".join(text for text in told if text) or None

    def start(self) -> None:
        """Start them all.

        Raises:
            EmotiondError: one cannot do its work.
        """
        for sink in self._sinks:
            sink.start()

    def publish(self, record: SinkRecord) -> None:
        """Give `record` to each."""
        if isinstance(record, DaemonStatus):
            self._status = record
        for sink in self._sinks:
            sink.publish(record)

    def replace(self, sinks: Sequence[Sink], timeout: float) -> None:
        """Go on with others: close who is not among them, then start who is new.

        In this order, because both may use the same file, or the same name at the broker.

        Args:
            sinks: those that are meant from now on; of the present ones, any may be among them.
            timeout: seconds that those who go may spend on what is not yet delivered.

        Raises:
            EmotiondError: a new one cannot do its work.
        """
        going = [sink for sink in self._sinks if sink not in sinks]
        coming = [sink for sink in sinks if sink not in self._sinks]
        self._sinks = tuple(sink for sink in sinks if sink in self._sinks)
        _close_all(going, timeout)
        self._gone += sum(sink.dropped for sink in going)
        told = self._status
        for sink in coming:
            if told is not None:
                sink.publish(told)
            sink.start()
        self._sinks = tuple(sinks)
        # Another thread may have told another status in the meantime.
        if self._status is not None and self._status != told:
            self.publish(self._status)

    def close(self, timeout: float) -> None:
        """Close them all, within `timeout` seconds together."""
        _close_all(self._sinks, timeout)


def _close_all(sinks: Sequence[Sink], timeout: float) -> None:
    """Close sinks; one that fails keeps no other open."""
    deadline = time.monotonic() + timeout
    with ExitStack() as closing:
        for sink in reversed(sinks):
            closing.callback(_close, sink, deadline)


def _close(sink: Sink, deadline: float) -> None:
    sink.close(max(0.0, deadline - time.monotonic()))
