"""Web server: a sink that serves the page and the API from a thread of its own."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread

import uvicorn

from edge.errors import EmotiondError
from edge.publish import Sink
from edge.types import SinkRecord
from edge.view import ViewContext, WebSettings
from edge.view.web.connections import BoundedHttpProtocol, ConnectionLimits
from edge.view.web.routes import WebApp

KEEP_ALIVE_S = 5
"""Seconds a connection may stay without a request."""

EXTRA_CONNECTIONS = 64
"""Connections besides those of viewers: pages, listeners, uploads."""

ACCEPTED_AT_ONCE = 32
"""Connections that asyncio accepts before the first of them is looked at; each takes a descriptor,
and uvicorn's 2,048 are more than a process has."""

log = logging.getLogger(__name__)


class WebServer:
    """Serves the page, the live video and the API.

    Raises:
        ConfigError: others could reach it without a token, or the token cannot be used.
    """

    dropped = 0
    status_text: str | None = None

    def __init__(self, settings: WebSettings, context: ViewContext) -> None:
        self._settings = settings
        self.app = WebApp(settings, context)
        limits = ConnectionLimits(2 * settings.max_viewers + EXTRA_CONNECTIONS)
        config = uvicorn.Config(
            self.app.asgi,
            http=partial(BoundedHttpProtocol, limits),  # type: ignore[arg-type]
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
        self._server = _Server(config, lambda: log.info("web page at %s", self.url))
        self._thread = Thread(target=self._run, name="web", daemon=True)
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """Address of the page, once the server was started."""
        assert self._socket is not None
        host = self._settings.host
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{self._socket.getsockname()[1]}"

    def prepare(self, closed_first: Sequence[Sink] = ()) -> None:
        """Listen; a page that is closed first may listen on the port until then.

        Raises:
            EmotiondError: the address cannot be used.
        """
        pages = [one for one in closed_first if isinstance(one, WebServer)]
        for page in pages:
            self.app.auth.keep_sessions(page.app.auth)
        port = self._settings.port
        shared = next((page._socket for page in pages if page._settings.port == port != 0), None)
        self._socket = listen(self._settings, shared)

    def start(self) -> None:
        """Listen, and serve from then on.

        Raises:
            EmotiondError: the address cannot be used, or there is no room for a thread.
        """
        if self._socket is None:
            self.prepare()
        assert self._socket is not None
        self.app.auth.port = self._socket.getsockname()[1]
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
            asyncio.run(self._server.serve([self._socket]))
        except asyncio.CancelledError:
            pass
        except OSError as error:  # such as no descriptor for the loop
            log.error("the web page cannot be served: %s", error)
            self._socket.close()  # so that nobody waits for an answer


class _Server(uvicorn.Server):
    """Server that calls `serving` once it answers."""

    def __init__(self, config: uvicorn.Config, serving: Callable[[], None]) -> None:
        super().__init__(config)
        self._serving = serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._serving()


def listen(settings: WebSettings, shared: socket.socket | None = None) -> socket.socket:
    """Return a socket that listens at the address of the settings.

    Args:
        settings: of the server.
        shared: a socket of this process on the same port, which is about to be closed.

    Raises:
        EmotiondError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared is not None:  # both must allow it; another process still cannot have the port
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen()  # so that whoever comes before the thread serves is not refused
    except OSError as error:
        listening.close()
        remedy = "choose another `web.port`, or end what uses this one"
        if error.errno != errno.EADDRINUSE:
            remedy = "choose another `web.host` or `web.port`"
        text = f"the web page cannot be at {settings.host}:{settings.port}: {error.strerror}"
        raise EmotiondError(f"{text}; {remedy}") from error
    return listening
