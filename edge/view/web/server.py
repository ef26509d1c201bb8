"""The web page as a sink: a server in a thread of its own."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

import uvicorn

from edge.errors import EmotiondError
from edge.publish import Sink
from edge.service.commands import CommandQueue
from edge.types import SinkRecord
from edge.view.view_context import ViewContext
from edge.view.web.auth import AuthMiddleware, open_token_auth
from edge.view.web.event_stream import EventBroadcaster
from edge.view.web.header_timeout import HeaderTimeoutProtocol
from edge.view.web.mjpeg_stream import MjpegBroadcaster
from edge.view.web.routes import build_app
from edge.view.web.settings import WebSettings

KEEP_ALIVE = 5
"""Seconds a connection may stay without a request."""

OTHERS = 64
"""Connections besides those of viewers: pages, listeners, uploads."""

log = logging.getLogger(__name__)


class WebServer:
    """Serves the page, the live picture, and what programs may ask.

    Args:
        settings: where, and to whom.
        outlook: what is shown.
        desk: where it hands in what visitors ask for.

    Raises:
        ConfigError: others could reach it without a token, or the token cannot be used.
    """

    dropped = 0
    status_text: str | None = None

    def __init__(self, settings: WebSettings, outlook: ViewContext, desk: CommandQueue) -> None:
        self._settings = settings
        self._pass = open_token_auth(settings)
        self._news = EventBroadcaster(outlook, desk)
        self._projector = MjpegBroadcaster(outlook, settings.viewers)
        app = build_app(self._pass, self._news, self._projector, outlook, desk)
        config = uvicorn.Config(
            AuthMiddleware(app, self._pass),
            http=HeaderTimeoutProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.CRITICAL,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            limit_concurrency=settings.viewers + OTHERS,
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._serve, name="web", daemon=True)
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where the page is, once it was started."""
        assert self._socket is not None
        host = self._settings.host
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{self._socket.getsockname()[1]}"

    def prepare(self, closed_first: Sequence[Sink] = ()) -> None:
        """Listen; a page that is closed first may listen on the port until then.

        Raises:
            EmotiondError: the address cannot be used.
        """
        pages = (one for one in closed_first if isinstance(one, WebServer))
        port = self._settings.port
        shared = next((page._socket for page in pages if page._settings.port == port != 0), None)
        self._socket = listen(self._settings, shared)

    def start(self) -> None:
        """Listen, and serve from then on.

        Raises:
            EmotiondError: the address cannot be used.
        """
        if self._socket is None:
            self.prepare()
        assert self._socket is not None
        self._pass.port = self._socket.getsockname()[1]
        self._projector.start()
        self._thread.start()
        log.info("web page at %s", self.url)

    def publish(self, record: SinkRecord) -> None:
        """Tell whoever listens."""
        self._news.take(record)

    def close(self, timeout: float) -> None:
        """End every stream, and the server."""
        self._news.close()
        self._projector.close()
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout)
        if self._socket is not None:
            self._socket.close()

    def _serve(self) -> None:
        assert self._socket is not None
        with suppress(asyncio.CancelledError):
            asyncio.run(self._run(self._socket))

    async def _run(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._projector.serve(loop)
        self._news.serve(loop)
        await self._server.serve([listening])


def listen(settings: WebSettings, shared: socket.socket | None = None) -> socket.socket:
    """Return a socket that listens where the settings say.

    Args:
        settings: say where.
        shared: a socket of this process on the same port, which is about to be closed.

    Raises:
        EmotiondError: that cannot be.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared is not None:  # both must allow it; another process still cannot have the port
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen()  # so that who comes before the thread serves waits, and is not refused
    except OSError as error:
        listening.close()
        raise EmotiondError(
            f"the web page cannot be at {settings.host}:{settings.port}: {error.strerror}; "
            "choose another `web.port`, or end what uses this one"
        ) from error
    return listening
