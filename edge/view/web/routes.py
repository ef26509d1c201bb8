"""Routes of the web page and its API: what answers each request."""

import logging
from http import HTTPStatus
from importlib.resources import files

import cv2
import msgspec
import yaml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from edge.errors import EmotiondError
from edge.service.commands import CommandQueue
from edge.types import CameraState
from edge.view.annotate import annotate
from edge.view.settings import ViewContext
from edge.view.web.api import (
    MAX_COMMAND_BYTES,
    ApiError,
    UploadAnalyzer,
    execute_command,
    faces_json,
    parse_command,
    read_body,
)
from edge.view.web.auth import TokenAuth
from edge.view.web.prometheus import render_metrics
from edge.view.web.streams import MJPEG_TYPE, EventBroadcaster, MjpegBroadcaster

PAGE = files(__package__) / "page"
OPENAPI = files(__package__) / "openapi.yaml"

PAGE_FILES = {
    "/page.js": "text/javascript",
    "/page.css": "text/css",
    "/page.svg": "image/svg+xml",
}
"""Media types of the files that the page loads, by path."""

log = logging.getLogger(__name__)


class Handlers:
    """Request handlers, one method for each route.

    Args:
        auth: who may look and command.
        events: server-sent events.
        video: the live video.
        context: what is shown.
        commands: takes commands.
    """

    def __init__(
        self,
        auth: TokenAuth,
        events: EventBroadcaster,
        video: MjpegBroadcaster,
        context: ViewContext,
        commands: CommandQueue,
    ) -> None:
        self._auth = auth
        self._events = events
        self._video = video
        self._context = context
        self._commands = commands
        self._uploads = UploadAnalyzer(context)

    async def page(self, _request: Request) -> Response:
        """Return the page; where there is no token, with a cookie that allows commands."""
        response = _read_page_file("page.html", "text/html")
        if self._auth.token is None:
            self._auth.login(response)
        return response

    async def page_file(self, request: Request) -> Response:
        """Return another file of the page."""
        path = request.scope["path"]
        return _read_page_file(path.removeprefix("/"), PAGE_FILES[path])

    async def stream(self, request: Request) -> Response:
        """Return the live video."""
        if request.method == "HEAD":
            return Response(media_type=MJPEG_TYPE)
        return _MjpegResponse(self._video)

    async def snapshot(self, _request: Request) -> Response:
        """Return the latest frame, annotated."""
        return Response(self._video.snapshot(), media_type="image/jpeg")

    async def events(self, request: Request) -> Response:
        """Return events, faces and state as they come."""
        kind = "text/event-stream"
        if request.method == "HEAD":
            return Response(media_type=kind)
        return StreamingResponse(self._events.listen(), media_type=kind)

    async def state(self, request: Request) -> Response:
        """Return the state of the daemon and the faces of this moment."""
        return JSONResponse(
            {
                **self._events.state(),
                **faces_json(self._context),
                "viewers": self._video.viewers,
                "authorised": self._auth.is_authenticated(request.headers),
            }
        )

    async def analyze(self, request: Request) -> Response:
        """Return the faces of an uploaded image."""
        frame = await self._uploads.analyze(request)
        if "image/jpeg" in request.headers.get("accept", ""):
            image = annotate(frame, self._context.blur)
            return Response(cv2.imencode(".jpg", image)[1].tobytes(), media_type="image/jpeg")
        width, height = frame.frame.size
        status = self._events.status
        return JSONResponse(
            {
                "width": width,
                "height": height,
                "model": status.model if status else None,
                "detector": status.detector if status else None,
                "faces": [face.to_dict() for face in frame.expressions],
            }
        )

    async def control(self, request: Request) -> Response:
        """Carry out a command."""
        command = parse_command(await read_body(request, MAX_COMMAND_BYTES))
        return JSONResponse(await execute_command(command, self._commands))

    async def login(self, request: Request) -> Response:
        """Exchange the token for a cookie."""
        body = await read_body(request, MAX_COMMAND_BYTES)
        try:
            token = msgspec.json.decode(body, type=dict[str, str])["token"]
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
            text = 'expected {"token": "..."}'
            raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", text) from error
        if not self._auth.verify(token):
            raise ApiError(HTTPStatus.UNAUTHORIZED, "unauthorised", "that is not the token")
        response = JSONResponse({})
        self._auth.login(response)
        return response

    async def logout(self, _request: Request) -> Response:
        """Take the cookie back."""
        response = JSONResponse({})
        self._auth.logout(response)
        return response

    async def health(self, _request: Request) -> Response:
        """Tell whether frames come, or none are wanted."""
        status = self._events.status
        camera = status.camera if status else CameraState.OFFLINE
        if camera is CameraState.OFFLINE:
            return JSONResponse({"status": "camera offline"}, HTTPStatus.SERVICE_UNAVAILABLE)
        return JSONResponse({"status": "ok"})

    async def metrics(self, _request: Request) -> Response:
        """Return the metrics for Prometheus."""
        text = render_metrics(self._events, self._video, self._context)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, _request: Request) -> Response:
        """Return the description of this API."""
        return JSONResponse(yaml.safe_load(OPENAPI.read_bytes()))


def build_app(
    auth: TokenAuth,
    events: EventBroadcaster,
    video: MjpegBroadcaster,
    context: ViewContext,
    commands: CommandQueue,
) -> Starlette:
    """Return the application with every route and error handler; arguments as of `Handlers`."""
    handlers = Handlers(auth, events, video, context, commands)
    routes = [
        Route("/", handlers.page),
        *(Route(path, handlers.page_file) for path in PAGE_FILES),
        Route("/stream.mjpg", handlers.stream),
        Route("/snapshot.jpg", handlers.snapshot),
        Route("/events", handlers.events),
        Route("/api/state", handlers.state),
        Route("/api/analyse", handlers.analyze, methods=["POST"]),
        Route("/api/control", handlers.control, methods=["POST"]),
        Route("/api/login", handlers.login, methods=["POST"]),
        Route("/api/logout", handlers.logout, methods=["POST"]),
        Route("/healthz", handlers.health),
        Route("/metrics", handlers.metrics),
        Route("/openapi.json", handlers.openapi),
    ]
    exception_handlers = {
        ApiError: _on_api_error,
        HTTPException: _on_http_error,
        EmotiondError: _on_emotiond_error,
        Exception: _on_exception,
    }
    return Starlette(routes=routes, exception_handlers=exception_handlers)


class _MjpegResponse(Response):
    """The live video, for one viewer."""

    def __init__(self, video: MjpegBroadcaster) -> None:
        super().__init__()
        self._video = video

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._video.stream(receive, send)


def _read_page_file(name: str, kind: str) -> Response:
    return Response((PAGE / name).read_bytes(), media_type=kind)


def _on_api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response


def _on_http_error(_request: Request, error: Exception) -> Response:
    """Answer a request to an unknown path, or with a method that the path does not have."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    response = ApiError(status, "unknown", status.phrase).response
    response.headers.update(error.headers or {})
    return response


def _on_emotiond_error(_request: Request, error: Exception) -> Response:
    """Answer where a model or detector cannot be used any more."""
    return ApiError(HTTPStatus.CONFLICT, "failed", str(error)).response


def _on_exception(_request: Request, error: Exception) -> Response:
    """Answer a fault of the program, and log it."""
    log.error("a fault of the web page", exc_info=error)
    text = "a fault of the program; its log tells more"
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", text).response
