"""Lets a thread that waits for a socket be woken by another."""

import select
import socket
from contextlib import suppress


class Wake:
    """A flag that can be waited for beside a socket.

    `select.poll`, unlike `select.select`, takes any number of open files: a fleet may be simulated
    in one process.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)

    def set(self) -> None:
        """End the wait, or the next one; any thread may call, also after `close`."""
        with suppress(OSError):  # full: it is set; closed: nobody waits any more
            self._writer.send(b"\0")

    def wait(self, timeout: float, read: int | None = None, write: int | None = None) -> None:
        """Wait until it is set, a socket has something, or so many seconds are over; unset it.

        Args:
            timeout: seconds.
            read: descriptor of a socket that may have something to read.
            write: descriptor of one that may have room.
        """
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        events = {read: select.POLLIN}
        if write is not None:
            events[write] = events.get(write, 0) | select.POLLOUT
        for descriptor, event in events.items():
            if descriptor is not None:
                poll.register(descriptor, event)
        poll.poll(1000 * timeout)
        with suppress(BlockingIOError):
            self._reader.recv(4096)

    def close(self) -> None:
        """Let go of both ends."""
        self._reader.close()
        self._writer.close()
