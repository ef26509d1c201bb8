"""Routes of the web page and its API: what answers each request."""

import asyncio
import logging
import re
import threading
from datetime import UTC, datetime
from functools import cached_property, partial
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import cv2
import msgspec
import yaml
from prometheus_client import generate_latest
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.errors import EmotiondError
from edge.service.commands import Command, CommandError, ErrorCode, GetSettings, Shutdown
from edge.types import CameraState, SinkRecord
from edge.view import ViewContext, WebSettings
from edge.view.annotate import annotate
from edge.view.web.api import (
    MAX_COMMAND_BYTES,
    MAX_SETTINGS_BYTES,
    ApiError,
    CamerasCollector,
    MetricsCollector,
    UploadAnalyzer,
    execute_command,
    faces_json,
    parse_command,
    parse_settings,
    read_body,
)
from edge.view.web.auth import TokenAuth
from edge.view.web.history import read_history
from edge.view.web.streams import EventBroadcaster, MjpegBroadcaster

PAGE = files(__package__) / "page"
OPENAPI = files(__package__) / "openapi.yaml"

PAGE_FILES = {
    "/": ("page.html", "text/html"),
    "/grid.js": ("grid.js", "text/javascript"),
    "/page.js": ("page.js", "text/javascript"),
    "/dom.js": ("dom.js", "text/javascript"),
    "/guide.js": ("guide.js", "text/javascript"),
    "/history.js": ("history.js", "text/javascript"),
    "/settings.js": ("settings.js", "text/javascript"),
    "/zones.js": ("zones.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
    "/page.svg": ("page.svg", "image/svg+xml"),
}
"""Name and media type of each file of the page, by path; with several cameras `/` is grid.html."""

CAMERA_PATH = re.compile(r"/camera/([\w-]+)(/.*)?")
"""Path below which one of several cameras has all that an only one has at the root."""

MAX_HISTORY_HOURS = 31 * 24

COMMAND_ERROR_STATUS = {
    ErrorCode.MALFORMED: HTTPStatus.BAD_REQUEST,
    ErrorCode.OVERSIZED: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.UNKNOWN: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHORISED: HTTPStatus.FORBIDDEN,
    ErrorCode.REFUSED: HTTPStatus.FORBIDDEN,
    ErrorCode.FAILED: HTTPStatus.CONFLICT,
    ErrorCode.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""HTTP status of a command that the daemon does not carry out."""

log = logging.getLogger(__name__)


class WebApp:
    """The page and its API: one method for each route.

    With several cameras, each has an application of its own below `/camera/NAME/`, with the same
    `auth`; the root tells of all together.

    Attributes:
        auth: who may look and command.
        events: server-sent events.
        video, plain_video: the live video, with and without boxes and labels.

    Raises:
        ConfigError: others could reach it without a token, or the token cannot be used.
    """

    def __init__(
        self, settings: WebSettings, context: ViewContext, auth: TokenAuth | None = None
    ) -> None:
        self.auth = auth or TokenAuth(settings, PAGE_FILES)
        self.events = EventBroadcaster(context)
        self.video = MjpegBroadcaster(context, settings.max_viewers)
        self.plain_video = MjpegBroadcaster(context, settings.max_viewers, boxes=False)
        self._uploads = UploadAnalyzer(context)
        self._context, self._quit_button = context, settings.quit_button
        self._settings, self._several = settings, bool(context.cameras) and not context.camera
        self._cameras: dict[str, WebApp] = {}
        self._lock = threading.Lock()

    def publish(self, record: SinkRecord) -> None:
        """Take a record of the sink: of its camera, or of the only one."""
        app = self.camera(record.camera_name) if self._several else self
        if app is not None:
            app.events.publish(record)

    def close(self) -> None:
        """End every stream."""
        for app in self._cameras.values():
            app.close()
        for stream in (self.events, self.video, self.plain_video):
            stream.close()

    def camera(self, name: str) -> "WebApp | None":
        """Return the application of one of several cameras; any thread may ask."""
        with self._lock:
            app = self._cameras.get(name)
            if app is not None and app._context.is_current:
                return app
            context = self._context.of_camera(name)
            if app is not None:
                self._cameras.pop(name).close()
            if context is None:
                return None
            new = self._cameras[name] = WebApp(self._settings, context, self.auth)
            if app is not None:  # the same camera, shown otherwise
                new.events.status, new.events.stats = app.events.status, app.events.stats
            return new

    @property
    def cameras(self) -> "dict[str, WebApp]":
        """The application of each of several cameras."""
        apps = {name: self.camera(name) for name in tuple(self._context.cameras)}
        return {name: app for name, app in apps.items() if app is not None}

    @property
    def routes(self) -> list[Route]:
        """Each path, with what answers it."""
        return [
            *(Route(path, self.page) for path in PAGE_FILES),
            Route("/stream.mjpg", self.stream),
            Route("/snapshot.jpg", self.snapshot),
            Route("/events", self.event_stream),
            Route("/api/state", self.state),
            Route("/api/analyse", self.analyze, methods=["POST"]),
            Route("/api/control", self.control, methods=["POST"]),
            Route("/api/settings", self.settings, methods=["GET", "PATCH"]),
            Route("/api/history", self.history),
            Route("/api/quit", self.quit, methods=["POST"]),
            Route("/api/login", self.login, methods=["POST"]),
            Route("/api/logout", self.logout, methods=["POST"]),
            Route("/healthz", self.health),
            Route("/metrics", self.metrics),
            Route("/openapi.json", self.openapi),
        ]

    @cached_property
    def asgi(self) -> ASGIApp:
        """The application with every route and error handler, behind the checks of requests."""
        kinds = (ApiError, HTTPException, CommandError, EmotiondError, Exception)
        app = Starlette(
            routes=self.routes, exception_handlers=dict.fromkeys(kinds, _error_response)
        )
        checked = self.auth.protect(app)
        return partial(self._dispatch, checked) if self._several else checked

    async def _dispatch(self, own: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered by the camera that its path names, else by the root."""
        found = CAMERA_PATH.fullmatch(scope["path"])
        app = self.camera(found[1]) if found else None
        if found is None or app is None:
            await own(scope, receive, send)
        elif found[2] is None:  # the page's own paths are relative
            await RedirectResponse(f"{scope['path']}/")(scope, receive, send)
        else:
            path = {"path": found[2], "raw_path": found[2].encode()}
            await app.asgi({**scope, **path}, receive, send)

    def _require_camera(self) -> None:
        if self._several:
            text = f"expected /camera/NAME/..., one of {', '.join(self._context.cameras)}"
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown", text)

    async def page(self, request: Request) -> Response:
        """Return a file of the page; where there is no token, with a cookie to command by."""
        name, kind = PAGE_FILES[request.scope["path"]]
        if name == "page.html" and self._several:
            name = "grid.html"
        response = Response((PAGE / name).read_bytes(), media_type=kind)
        if kind == "text/html" and not self.auth.needs_token:
            self.auth.login(response)
        return response

    @property
    def viewers(self) -> int:
        """Number of viewers of the live video."""
        return len(self.video.clients) + len(self.plain_video.clients)

    async def stream(self, request: Request) -> Response:
        """Return the live video."""
        self._require_camera()
        plain = request.query_params.get("boxes") == "false"
        return (self.plain_video if plain else self.video).stream()

    async def snapshot(self, _request: Request) -> Response:
        """Return the latest frame, annotated."""
        self._require_camera()
        return Response(self.video.snapshot(), media_type="image/jpeg")

    async def event_stream(self, _request: Request) -> Response:
        """Return events, faces and state as they come."""
        self._require_camera()
        return self.events.stream()

    async def state(self, request: Request) -> Response:
        """Return the state of the daemon and the faces of this moment."""
        return JSONResponse(
            {
                **self.events.state(),
                **faces_json(self._context),
                "viewers": self.viewers,
                "needs_token": self.auth.needs_token,
                "quit_button": self._quit_button,
                "authorised": self.auth.is_authenticated(request.headers),
                **({"cameras": self._overview()} if self._several else {}),
            }
        )

    def _overview(self) -> dict[str, Any]:
        """Return in short how each of several cameras is."""
        return {
            name: {"camera": app.camera_state.value, **faces_json(app._context)}
            for name, app in self.cameras.items()
        }

    @property
    def camera_state(self) -> CameraState:
        """State of the camera."""
        return self.events.status.camera if self.events.status else CameraState.OFFLINE

    async def analyze(self, request: Request) -> Response:
        """Return the faces of an uploaded image."""
        frame = await self._uploads.analyze(request)
        if "image/jpeg" in request.headers.get("accept", ""):
            image = annotate(frame, self._context.blur)
            return Response(cv2.imencode(".jpg", image)[1].tobytes(), media_type="image/jpeg")
        width, height = frame.frame.size
        status = self.events.status
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
        return JSONResponse(await execute_command(command, self._context))

    async def settings(self, request: Request) -> Response:
        """Return what of the config file can be changed, or change it."""
        command: Command = GetSettings()
        if request.method == "PATCH":
            command = parse_settings(await read_body(request, MAX_SETTINGS_BYTES))
        answer = await execute_command(command, self._context)
        if losses := answer.get("unconfirmed"):
            status = HTTPStatus.PRECONDITION_REQUIRED
            raise ApiError(status, "unconfirmed", "; ".join(losses))
        return JSONResponse(answer)

    async def history(self, request: Request) -> Response:
        """Return what was recorded in a time."""
        files, query = self._context.event_files, request.query_params
        camera = self._context.camera
        if not files:
            text = "expected a `jsonl` sink in the config, which records events; found none"
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown", text)
        try:
            hours = float(query.get("hours", 24))
            until = datetime.fromisoformat(query["end"]) if "end" in query else datetime.now(UTC)
            end = until.timestamp()
        except (ValueError, OverflowError) as error:
            text = "expected `hours` to be a number and `end` a time such as 2026-11-29T12:00:00Z"
            raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", text) from error
        if not (1 / 60 <= hours <= MAX_HISTORY_HOURS and end > 3600 * hours):
            text = f"expected `hours` from a minute to {MAX_HISTORY_HOURS}, and `end` after 1970"
            raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", text)
        return JSONResponse(await asyncio.to_thread(read_history, files, end, 3600 * hours, camera))

    async def quit(self, _request: Request) -> Response:
        """End the daemon."""
        if not self._quit_button:
            raise CommandError(ErrorCode.REFUSED, "expected `web.quit_button: true` in the config")
        return JSONResponse(await execute_command(Shutdown(), self._context))

    async def login(self, request: Request) -> Response:
        """Exchange the token for a cookie."""
        body = await read_body(request, MAX_COMMAND_BYTES)
        try:
            token = msgspec.json.decode(body, type=dict[str, str])["token"]
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
            text = 'expected {"token": "..."}'
            raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", text) from error
        if not self.auth.verify(token):
            await self.auth.hold_back(request.client)
            raise ApiError(HTTPStatus.UNAUTHORIZED, "unauthorised", "that is not the token")
        response = JSONResponse({})
        self.auth.login(response)
        return response

    async def logout(self, request: Request) -> Response:
        """Take the cookie back."""
        response = JSONResponse({})
        self.auth.logout(request.headers, response)
        return response

    async def health(self, _request: Request) -> Response:
        """Tell whether the camera sees, or is not to see."""
        apps = self.cameras if self._several else {"": self}
        ill = [
            f"camera {name} {app.camera_state}" if name else f"camera {app.camera_state}"
            for name, app in apps.items()
            if app.camera_state not in (CameraState.ONLINE, CameraState.PAUSED)
        ]
        if not ill:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": ", ".join(ill)}, HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics(self, _request: Request) -> Response:
        """Return the metrics for Prometheus."""
        metrics = self._metrics
        if self._several:
            cameras = {name: app._metrics for name, app in self.cameras.items()}
            metrics = CamerasCollector(cameras)
        media_type = "text/plain; version=0.0.4; charset=utf-8"
        return Response(generate_latest(metrics), media_type=media_type)

    @property
    def _metrics(self) -> Collector:
        events = self.events
        return MetricsCollector(self._context.latest, events.status, events.stats, self.viewers)

    async def openapi(self, _request: Request) -> Response:
        """Return the description of this API."""
        return JSONResponse(yaml.safe_load(OPENAPI.read_bytes()))


def _error_response(_request: Request, error: Exception) -> Response:
    """Answer a request that failed; a fault of the program is logged."""
    match error:
        case ApiError():
            return error.response
        case HTTPException():  # an unknown path, or a method that the path does not have
            status = HTTPStatus(error.status_code)
            response = ApiError(status, "unknown", status.phrase).response
            response.headers.update(error.headers or {})
            return response
        case CommandError():
            status = COMMAND_ERROR_STATUS[error.code]
            return ApiError(status, error.code.value, str(error)).response
        case EmotiondError():  # a model or detector cannot be used any more
            return ApiError(HTTPStatus.CONFLICT, "failed", str(error)).response
    log.error("a fault of the web page", exc_info=error)
    text = "a fault of the program; its log tells more"
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", text).response
