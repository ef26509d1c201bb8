"""Routes of the web page and its API: what answers each request."""

import logging
import re
import threading
from functools import cached_property, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import yaml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from edge import __version__
from edge.errors import EmotiondError
from edge.service.commands import ChangeSettings, CommandError, ErrorCode, GetSettings, Shutdown
from edge.types import DaemonStatus, SinkRecord
from edge.view import ViewContext, WebSettings
from edge.view.web import PAGE, languages
from edge.view.web.api import ApiError, execute_command, faces_json, parse_command, read_json
from edge.view.web.auth import TokenAuth
from edge.view.web.history import History, HistoryRoutes
from edge.view.web.images import Images, StoredSnapshots
from edge.view.web.metrics import CameraNumbers, HealthRoutes
from edge.view.web.programs import Programs, Videos
from edge.view.web.streams import EventBroadcaster, MjpegBroadcaster

OPENAPI = Path(__file__).with_name("openapi.yaml")

PAGE_FILES = {"/": PAGE / "page.html"} | {  # by path; with several cameras `/` is grid.html
    f"/{path.relative_to(PAGE)}": path
    for path in PAGE.rglob("*.*")
    if path.suffix in {".js", ".css", ".svg", ".json"}
}

CAMERA_PATH = re.compile(r"/camera/([\w-]+)(/.*)?")  # below it is all that an only one has at /
MAX_COMMAND_BYTES, MAX_SETTINGS_BYTES = 4096, 65_536  # of a command, of settings to change

COMMAND_ERROR_STATUS = {  # of a command that the daemon does not carry out
    ErrorCode.MALFORMED: HTTPStatus.BAD_REQUEST,
    ErrorCode.OVERSIZED: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.UNKNOWN: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHORISED: HTTPStatus.FORBIDDEN,
    ErrorCode.REFUSED: HTTPStatus.FORBIDDEN,
    ErrorCode.FAILED: HTTPStatus.CONFLICT,
    ErrorCode.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}

log = logging.getLogger(__name__)


class WebApp:
    """The page and its API: one method for each route; errors are as of `TokenAuth`.

    `streams` are the live video by the language of its labels, "" without. With several cameras,
    each has an application of its own below `/camera/NAME/`; the `root` tells of all.
    """

    def __init__(
        self, settings: WebSettings, context: ViewContext, root: "WebApp | None" = None
    ) -> None:
        self.auth: TokenAuth = root.auth if root else TokenAuth(settings, PAGE_FILES)
        self.videos: Videos = root.videos if root else Videos(context)
        self._recorded: History = root._recorded if root else History(context.event_files)
        self._programs: Programs = root._programs if root else Programs()
        self._web, self._several = settings, bool(context.cameras) and not context.camera
        self._apps: dict[str, WebApp] = {}  # of several cameras
        self._lock = threading.Lock()
        self.events = EventBroadcaster(context)
        self.streams = {
            language: MjpegBroadcaster(context, settings.max_viewers, words)
            for language, words in {"": None, **languages()}.items()
        }
        for stream in self.streams.values():  # `max_viewers` is of all together
            stream.clients = self.streams[""].clients
        self._context, self._quit_button = context, settings.quit_button
        self.routes = [
            *(Route(path, self._page) for path in PAGE_FILES),
            Route("/api/state", self._state),
            Route("/api/control", self._control, methods=["POST"]),
            Route("/api/settings", self._settings, methods=["GET", "PATCH"]),
            Route("/api/doctor", self._doctor, methods=["POST"]),
            Route("/api/quit", self._quit, methods=["POST"]),
            Route("/openapi.json", self._openapi),
            *self.auth.routes,
            *HealthRoutes(lambda: {name: app.numbers for name, app in self.cameras.items()}).routes,
            *self.videos.routes,
            *Images(context, self._first_status, settings.faces).routes,
            *HistoryRoutes(context, self._recorded, self._programs).routes,
        ]
        own = {"/stream.mjpg": self._video, "/snapshot.jpg": self._video}
        for path, answer in {**own, "/events": self.events.stream}.items():
            self.routes.append(Route(path, self._name_cameras if self._several else answer))
        if not self._several:
            self.routes += StoredSnapshots(context).routes
        if not context.cameras:  # whose privacy differs
            self.routes.append(Route("/api/still", self._still, methods=["POST"]))

    def publish(self, record: SinkRecord) -> None:
        """Take a record of the sink: of its camera, or of the only one."""
        app = self.of_camera(record.camera_name) if self._several else self
        if app is not None:
            app.events.publish(record)

    def close(self) -> None:
        """End every stream."""
        for app in self._apps.values():
            app.close()
        for stream in (self.events, *self.streams.values()):
            stream.close()

    def of_camera(self, name: str) -> "WebApp | None":
        """Return the application of one of several cameras; any thread may ask."""
        with self._lock:
            app = self._apps.get(name)
            if app is not None and app._context.is_current:
                return app
            context = self._context.of_camera(name)
            if app is not None:
                self._apps.pop(name).close()
            if context is None:
                return None
            new = self._apps[name] = WebApp(self._web, context, self)
            if app is not None:  # the same camera, shown otherwise
                new.events.status, new.events.stats = app.events.status, app.events.stats
            return new

    @property
    def cameras(self) -> "dict[str, WebApp]":
        """The application of each of several cameras, or itself."""
        if not self._several:
            return {"": self}
        apps = {name: self.of_camera(name) for name in tuple(self._context.cameras)}
        return {name: app for name, app in apps.items() if app is not None}

    @cached_property
    def asgi(self) -> ASGIApp:
        """The application with every route and error handler, behind the checks of requests."""
        kinds = (ApiError, HTTPException, CommandError, EmotiondError, Exception)
        handlers = dict.fromkeys(kinds, _error_response)
        app = self.auth.protect(Starlette(routes=self.routes, exception_handlers=handlers))
        return partial(self._dispatch, app) if self._several else app

    async def _dispatch(self, own: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered by the camera that its path names, else by the root."""
        found = CAMERA_PATH.fullmatch(scope["path"])
        app = self.of_camera(found[1]) if found else None
        if found is None or app is None:
            await own(scope, receive, send)
        elif found[2] is None:  # the page's own paths are relative
            await RedirectResponse(f"{scope['path']}/")(scope, receive, send)
        else:
            path = {"path": found[2], "raw_path": found[2].encode()}
            await app.asgi({**scope, **path}, receive, send)

    async def _name_cameras(self, _request: Request) -> Response:
        text = f"expected /camera/NAME/..., one of {', '.join(self._context.cameras)}"
        raise ApiError(HTTPStatus.NOT_FOUND, "unknown", text)

    @property
    def viewers(self) -> int:
        """Number of viewers of the live video."""
        return len(self.streams[""].clients)

    async def _page(self, request: Request) -> Response:
        path = PAGE_FILES[request.scope["path"]]
        if path.suffix != ".html":
            return FileResponse(path)
        page = (PAGE / "grid.html" if self._several else path).read_text("utf-8")
        login = (PAGE / "login.html").read_text("utf-8")
        filled = page.replace("{languages}", " ".join(languages())).replace("{login}", login)
        response = HTMLResponse(filled)
        if not self.auth.needs_token:
            self.auth.login(response)
        return response

    async def _video(self, request: Request) -> Response:
        """Return the live video with labels in a language, or its latest frame."""
        query = request.query_params
        name = "" if query.get("boxes") == "false" else query.get("lang") or "en"
        stream = self.streams.get(name, self.streams["en"])
        if request.scope["path"].endswith(".mjpg"):
            return await stream.stream(request)
        return Response(stream.snapshot(), media_type="image/jpeg")

    async def _state(self, request: Request) -> Response:
        """Return how the only camera is, or in short each of several, and who may do what."""
        shown: dict[str, Any] = {
            **(self._overview() if self._several else self.events.state()),
            **({} if self._several else faces_json(self._context.latest)),
            "viewers": sum(app.viewers for app in self.cameras.values()),
            "needs_token": self.auth.needs_token,
            "quit_button": self._quit_button,
            "authorised": self.auth.is_authenticated(request.headers),
        }
        return JSONResponse(shown)

    def _overview(self) -> dict[str, Any]:
        cameras = {
            name: {"camera": app.events.status.camera.value, **faces_json(app._context.latest)}
            for name, app in self.cameras.items()
        }
        return {"version": __version__, "device": self._context.device, "cameras": cameras}

    async def _control(self, request: Request) -> Response:
        command = parse_command(await read_json(request, dict[str, Any], MAX_COMMAND_BYTES))
        return JSONResponse(await execute_command(command, self._context))

    async def _settings(self, request: Request) -> Response:
        """Return what of the config file can be changed, or change it."""
        command: GetSettings | ChangeSettings = GetSettings()
        if request.method == "PATCH":
            command = await read_json(request, ChangeSettings, MAX_SETTINGS_BYTES)
        answer = await execute_command(command, self._context)
        if losses := answer.get("unconfirmed"):
            raise ApiError(HTTPStatus.PRECONDITION_REQUIRED, "unconfirmed", "; ".join(losses))
        return JSONResponse(answer)

    def _first_status(self) -> DaemonStatus:
        return next(iter(self.cameras.values())).events.status

    async def _doctor(self, _request: Request) -> Response:
        """Return the results of every check, which a process of its own makes."""
        config = str(self._context.config_path)
        printed = await self._programs.run("doctor", "--json", "--config", config, or_printed=True)
        return JSONResponse({"checks": msgspec.json.decode(printed)})

    async def _still(self, request: Request) -> Response:
        """Return an image of a camera that is not in use, which a process of its own takes."""
        device = (await read_json(request, dict[str, str], MAX_COMMAND_BYTES)).get("device", "")
        told = await execute_command(GetSettings(), self._context)
        free = told["cameras"].keys() - told["used"]
        if device not in free:
            text = f"expected one of {', '.join(sorted(free)) or 'no'} free cameras"
            raise CommandError(ErrorCode.REFUSED, f"{text}, found {device[:80]!r}")
        options = (*self._context.options(), "--blur", self._context.blur, "--plain", "--out", "-")
        image = await self._programs.run("image", device, *options)
        return Response(image, media_type="image/png")

    async def _quit(self, _request: Request) -> Response:
        if not self._quit_button:
            raise CommandError(ErrorCode.REFUSED, "expected `web.quit_button: true` in the config")
        return JSONResponse(await execute_command(Shutdown(), self._context))

    @property
    def numbers(self) -> CameraNumbers:
        """Measurements of its camera."""
        status, stats = self.events.status, self.events.stats
        return CameraNumbers(self._context.latest, status, stats, self.viewers)

    async def _openapi(self, _request: Request) -> Response:
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
            return ApiError(COMMAND_ERROR_STATUS[error.code], error.code, str(error)).response
        case EmotiondError():  # a model or detector cannot be used any more
            return ApiError(HTTPStatus.CONFLICT, "failed", str(error)).response
    log.error("a fault of the web page", exc_info=error)
    text = "a fault of the program; its log tells more"
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", text).response
