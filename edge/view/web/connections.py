"""Bounds of connections to the web server: how many, how much before a request, and how long."""

import asyncio
import logging
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_TIMEOUT_S = 10.0
"""Seconds within which the head of a request must have come; uvicorn would wait for ever."""

MAX_OVERHEAD_BYTES = 65_536
"""Bytes of a request besides its body: head, trailer, sizes of chunks. The parser has no bound."""

RESERVED_CONNECTIONS = 16
"""Connections that no single address can take from the others."""

WARNING_INTERVAL_S = 60.0
"""Seconds between two warnings that connections were closed to make room."""

OVERSIZED_HEAD = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"

log = logging.getLogger(__name__)


class ConnectionLimits:
    """Bound of open connections, below what the process may open.

    Where there are too many, of one address or in all, the oldest that is sent nothing makes room
    for the new one: idle and half-sent requests cannot keep others out.
    """

    def __init__(self, max_connections: int) -> None:
        self._max = max_connections
        self._open: dict[BoundedHttpProtocol, None] = {}  # in the order they came
        self._closed, self._warned_at = 0, float("-inf")

    def admit(self, new: "BoundedHttpProtocol") -> bool:
        """Count a connection in; return False where nothing can make room for it."""
        crowd = [one for one in self._open if one.address == new.address]
        if len(crowd) < self._max - RESERVED_CONNECTIONS:
            crowd = list(self._open) if len(self._open) >= self._max else []
        if crowd:
            self._warn(new.address)
            idle = next((one for one in crowd if not one.answering), None)
            if idle is None:
                return False
            self.remove(idle)
            idle.transport.abort()
        self._open[new] = None
        return True

    def remove(self, one: "BoundedHttpProtocol") -> None:
        """Count a connection out."""
        self._open.pop(one, None)

    def _warn(self, address: str) -> None:
        self._closed += 1
        if time.monotonic() - self._warned_at >= WARNING_INTERVAL_S:
            self._warned_at = time.monotonic()
            text = "web page: too many connections, the latest from %s; %d were closed so far"
            log.warning(text, address, self._closed)


class BoundedHttpProtocol(HttpToolsProtocol):
    """HTTP connection whose request head is bounded in bytes and time."""

    def __init__(self, limits: ConnectionLimits, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limits = limits
        self._overhead = 0
        self._timeout: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        """Address of the client."""
        return self.client[0] if self.client else ""

    @property
    def answering(self) -> bool:
        """Tell whether a response is being sent."""
        cycle = self.cycle
        return cycle is not None and cycle.response_started and not cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it at once where there are too many."""
        super().connection_made(transport)
        if self._limits.admit(self):
            self._start_timeout()
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timeout()
        self._limits.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a request whose head never ends is refused."""
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > MAX_OVERHEAD_BYTES and not self.transport.is_closing():
            if not self.answering:
                self.transport.write(OVERSIZED_HEAD)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        super().on_message_begin()
        self._start_timeout()

    def on_headers_complete(self) -> None:
        """Stop waiting: the body is the application's concern."""
        self._stop_timeout()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        self._overhead -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request; the next one of the connection is counted anew."""
        self._overhead = 0
        super().on_message_complete()

    def _start_timeout(self) -> None:
        self._stop_timeout()
        self._timeout = self.loop.call_later(HEADER_TIMEOUT_S, self.transport.close)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
