"""Waiting for a socket and for other threads at once."""

import select
import socket
from collections.abc import Mapping
from contextlib import suppress


def wait(timeout: float, events: Mapping[int, int]) -> None:
    """Wait until one of several descriptors is ready, or so many seconds are over.

    `select.poll`, unlike `select.select`, takes any number of open files: a fleet may be simulated
    in one process.

    Args:
        timeout: seconds.
        events: of each descriptor, `select.POLLIN`, `select.POLLOUT` or both.
    """
    poll = select.poll()
    for descriptor, event in events.items():
        poll.register(descriptor, event)
    poll.poll(1000 * timeout)


class WakeupSocket:
    """Ends the wait of a thread that also waits for a socket."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)

    def set(self) -> None:
        """End the wait, or the next one; any thread may call, also after `close`."""
        with suppress(OSError):  # full: it is set; closed: nobody waits any more
            self._writer.send(b"\0")

    def wait(self, timeout: float, events: Mapping[int, int] | None = None) -> None:
        """Wait as `wait` does, or until it is set; unset it."""
        wait(timeout, {self._reader.fileno(): select.POLLIN, **(events or {})})
        with suppress(BlockingIOError):
            self._reader.recv(4096)

    def close(self) -> None:
        """Let go of both ends."""
        self._reader.close()
        self._writer.close()
