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

RESERVED_CONNECTIONS = 16  # connections that no single address can take from the others

OVERSIZED_HEAD = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"

log = logging.getLogger(__name__)


class BoundedHttpProtocol(HttpToolsProtocol):
    """HTTP connection that is one of a bounded number, its request head bounded in bytes and time.

    Where there are too many, of one address or in all, the oldest that is sent nothing makes room
    for the new one: idle and half-sent requests cannot keep others out.
    """

    def __init__(self, max_connections: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._max_connections = max_connections
        self._opened = time.monotonic()
        self._overhead = 0
        self._timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and close one where there are too many."""
        super().connection_made(transport)
        own = (one for one in self.connections if isinstance(one, BoundedHttpProtocol))
        others = [one for one in own if not one.transport.is_closing()]
        crowd = [one for one in others if one._address == self._address]
        if len(crowd) <= self._max_connections - RESERVED_CONNECTIONS:
            crowd = others if len(others) > self._max_connections else []
        if crowd:
            log.warning("web page: too many connections; those that idle are closed")
            idle = [one for one in crowd if not one._answering]
            min(idle, key=lambda one: one._opened).transport.abort()
        self._start_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timeout()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a request whose head never ends is refused."""
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > MAX_OVERHEAD_BYTES and not self.transport.is_closing():
            if not self._answering:
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

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def _answering(self) -> bool:
        """Tell whether a response is being sent."""
        cycle = self.cycle
        return cycle is not None and cycle.response_started and not cycle.response_complete

    def _start_timeout(self) -> None:
        self._stop_timeout()
        self._timeout = self.loop.call_later(HEADER_TIMEOUT_S, self.transport.close)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
