"""Web server: a sink that serves page and API from a thread of its own, on bounded connections."""

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Sequence
from functools import partial
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edge.errors import EmotiondError
from edge.publish import Sink
from edge.types import SinkRecord
from edge.view import ViewContext, WebSettings
from edge.view.web.routes import WebApp

KEEP_ALIVE_S = 5  # for which a connection may stay without a request
EXTRA_CONNECTIONS = 64  # besides those of viewers: pages, listeners, uploads
ACCEPTED_AT_ONCE = 32  # before one is looked at; uvicorn's 2,048 are more than a process may open
HEADER_TIMEOUT_S = 10.0  # within which the head of a request must have come; uvicorn has no limit
MAX_OVERHEAD_BYTES = 65_536  # of a request besides its body: head, trailer, sizes of chunks
RESERVED_CONNECTIONS = 16  # connections that no single address can take from the others
SHUTDOWN_DELAY_S = 0.05  # for requests on their way; uvicorn waits 0.1 s for connections itself
OVERSIZED_HEAD = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"

log = logging.getLogger(__name__)


class AddressInUseError(EmotiondError):
    """Another program has the port of the page, or another daemon."""


class WebServer(Sink):
    """Serves the page, the live video and the API; errors are as of `TokenAuth`."""

    def __init__(self, settings: WebSettings, context: ViewContext) -> None:
        self._settings = settings
        self.app = WebApp(settings, context)
        max_connections = 2 * settings.max_viewers + EXTRA_CONNECTIONS
        config = uvicorn.Config(
            self.app.asgi,
            http=partial(BoundedHttpProtocol, max_connections),  # type: ignore[arg-type]
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.CRITICAL,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            backlog=ACCEPTED_AT_ONCE,
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._run, name="web", daemon=True)
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """Address of the page, once the server was started."""
        host = self._settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.app.auth.port}"

    def prepare(self, closed_first: Sequence[Sink] = ()) -> None:
        """Listen; a page that is closed first hands on its sessions, and its socket or its port."""
        pages = [sink for sink in closed_first if isinstance(sink, WebServer)]
        for page in pages:
            self.app.auth.sessions = page.app.auth.sessions
        self._socket = listen(self._settings, pages[-1] if pages else None)
        self.app.auth.port = self._socket.getsockname()[1]

    def start(self) -> None:
        """Serve from now on."""
        try:
            self._thread.start()
        except RuntimeError as error:
            raise EmotiondError(f"the web page cannot be served: {error}") from error

    def publish(self, record: SinkRecord) -> None:
        """Send a record to every listener."""
        self.app.publish(record)

    def close(self, timeout: float) -> None:
        """End every stream, and the server."""
        self.app.close()
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout)
        if self._socket is not None:
            self._socket.close()

    def _run(self) -> None:
        assert self._socket is not None
        try:
            asyncio.run(self._serve(self._socket))
        except OSError as error:  # such as no descriptor for the loop
            log.error("the web page cannot be served: %s", error)
            self._socket.close()  # so that nobody waits for an answer
            self._socket = None

    async def _serve(self, listening: socket.socket) -> None:
        log.info("web page at %s", self.url)
        await self._server.serve([listening])
        await self.app.videos.close()


def listen(settings: WebSettings, former: WebServer | None = None) -> socket.socket:
    """Return a socket that listens at the address of the settings, or raise an EmotiondError.

    That of a `former` page at the same address goes on: what waits there is answered.
    """
    host, port = settings.host, settings.port
    is_ipv6 = ":" in host
    before = former._socket if former is not None and former._settings.port == port else None
    try:
        if former is not None and before is not None:
            if former._settings.host == host:
                return before.dup()
            # Both must allow it; another process still cannot have the port.
            before.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
            reuse_port=before is not None,
            dualstack_ipv6=is_ipv6 and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        kind, remedy = EmotiondError, "choose another `web.host` or `web.port`"
        if error.errno == errno.EADDRINUSE:
            kind, remedy = AddressInUseError, "choose another `web.port`, or end what uses this one"
        reason = str(error.strerror).partition(" (")[0]  # what follows names the address again
        text = f"the web page cannot be at {host}:{port}: {reason}"
        raise kind(f"{text}; {remedy}") from error


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

    def shutdown(self) -> None:
        """Close, or end with the response; a request that is on its way comes in before."""
        self.loop.call_later(SHUTDOWN_DELAY_S, super().shutdown)

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
