"""Web server: a sink that serves the page and the API from a thread of its own."""

import asyncio
import errno
import logging
import socket
from collections.abc import Sequence
from functools import partial
from threading import Thread

import uvicorn

from edge.errors import EmotiondError
from edge.publish import Sink
from edge.types import SinkRecord
from edge.view import ViewContext, WebSettings
from edge.view.web.connections import BoundedHttpProtocol
from edge.view.web.routes import WebApp

KEEP_ALIVE_S = 5  # for which a connection may stay without a request
EXTRA_CONNECTIONS = 64  # besides those of viewers: pages, listeners, uploads

ACCEPTED_AT_ONCE = 32
"""Connections that asyncio accepts before the first of them is looked at; each takes a descriptor,
and uvicorn's 2,048 are more than a process has."""

log = logging.getLogger(__name__)


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
        """Listen; a page that is closed first may listen on the port until then."""
        former: socket.socket | None = None
        for page in closed_first:
            if isinstance(page, WebServer):
                self.app.auth.sessions = page.app.auth.sessions
                if page._settings.port == self._settings.port != 0:
                    former = page._socket
        self._socket = listen(self._settings, former)
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

    async def _serve(self, listening: socket.socket) -> None:
        log.info("web page at %s", self.url)
        await self._server.serve([listening])
        await self.app.videos.close()


def listen(settings: WebSettings, former: socket.socket | None = None) -> socket.socket:
    """Return a socket that listens at the address of the settings, or raise an EmotiondError.

    `former` is a socket of this process on the same port, which is about to be closed.
    """
    is_ipv6 = ":" in settings.host
    if former is not None:  # both must allow it; another process still cannot have the port
        former.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        return socket.create_server(
            (settings.host, settings.port),
            family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
            reuse_port=former is not None,
            dualstack_ipv6=is_ipv6 and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        remedy = "choose another `web.host` or `web.port`"
        if error.errno == errno.EADDRINUSE:
            remedy = "choose another `web.port`, or end what uses this one"
        reason = str(error.strerror).partition(" (")[0]  # what follows names the address again
        text = f"the web page cannot be at {settings.host}:{settings.port}: {reason}"
        raise EmotiondError(f"{text}; {remedy}") from error
