"""All sinks as one."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

from edge.publish.sink import Sink
from edge.types import DaemonStatus, SinkRecord


class MultiSink:
    """Gives every sink every record; itself a sink. Its sinks can be replaced while it runs.

    Args:
        sinks: all of them.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)
        self._dropped_by_removed = 0
        self._last_status: DaemonStatus | None = None

    @property
    def dropped(self) -> int:
        """How many events they had to drop so far, together."""
        return self._dropped_by_removed + sum(sink.dropped for sink in self._sinks)

    @property
    def status_text(self) -> str | None:
        """Their states in one line; None where none of them has anything to say."""
        texts = [sink.status_text for sink in self._sinks]
        return "; ".join(text for text in texts if text) or None

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
            self._last_status = record
        for sink in self._sinks:
            sink.publish(record)

    def replace(self, sinks: Sequence[Sink], timeout: float) -> None:
        """Go on with other sinks: close those that are no longer wanted, then start the new ones.

        In this order, because both may use the same file, or the same client id at the broker.

        Args:
            sinks: those that are wanted from now on; present ones may be among them.
            timeout: seconds that those removed may spend on what is not yet delivered.

        Raises:
            EmotiondError: a new one cannot do its work.
        """
        removed = [sink for sink in self._sinks if sink not in sinks]
        added = [sink for sink in sinks if sink not in self._sinks]
        self._sinks = tuple(sink for sink in sinks if sink in self._sinks)
        _close_all(removed, timeout)
        self._dropped_by_removed += sum(sink.dropped for sink in removed)
        status = self._last_status
        for sink in added:
            if status is not None:
                sink.publish(status)
            sink.start()
        self._sinks = tuple(sinks)
        # Another thread may have published another status in the meantime.
        if self._last_status is not None and self._last_status != status:
            self.publish(self._last_status)

    def close(self, timeout: float) -> None:
        """Close them all, within `timeout` seconds together."""
        _close_all(self._sinks, timeout)


def _close_all(sinks: Sequence[Sink], timeout: float) -> None:
    """Close sinks; one that fails keeps no other open."""
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        for sink in reversed(sinks):
            stack.callback(_close, sink, deadline)


def _close(sink: Sink, deadline: float) -> None:
    sink.close(max(0.0, deadline - time.monotonic()))
