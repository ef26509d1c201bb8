"""What is asked for, and what answers."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.resources import files
from typing import Any

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
from edge.publish.payload import plain_face
from edge.service.commands import CommandQueue
from edge.types import AnalyzedFrame as Seen
from edge.types import CameraState
from edge.view.annotate import annotate
from edge.view.view_context import ViewContext
from edge.view.web import control_api as orders
from edge.view.web.api_error import ApiError, answer_refusal
from edge.view.web.auth import TokenAuth
from edge.view.web.event_stream import EventBroadcaster
from edge.view.web.mjpeg_stream import STREAM, MjpegBroadcaster
from edge.view.web.prometheus import render_gauges
from edge.view.web.serialize import describe_faces
from edge.view.web.uploads import ImageAnalyzer, read_body

PAGE = files(__package__) / "page"
OPENAPI = files(__package__) / "openapi.yaml"

log = logging.getLogger(__name__)


class Handlers:
    """The answers, one method a place.

    Args:
        admission: who may look and command.
        news: what happens.
        projector: the live picture.
        outlook: what is shown.
        desk: where commands are handed in.
    """

    def __init__(
        self,
        admission: TokenAuth,
        news: EventBroadcaster,
        projector: MjpegBroadcaster,
        outlook: ViewContext,
        desk: CommandQueue,
    ) -> None:
        self._pass = admission
        self._news = news
        self._projector = projector
        self._outlook = outlook
        self._desk = desk
        self._reader = ImageAnalyzer(outlook)

    async def page(self, _request: Request) -> Response:
        """Return the page; where there is no token, with leave to command."""
        response = _page_file("page.html", "text/html")
        if self._pass.token is None:
            self._pass.admit(response)
        return response

    async def script(self, _request: Request) -> Response:
        """Return what makes the page live."""
        return _page_file("page.js", "text/javascript")

    async def style(self, _request: Request) -> Response:
        """Return how the page looks."""
        return _page_file("page.css", "text/css")

    async def icon(self, _request: Request) -> Response:
        """Return the page's icon."""
        return _page_file("page.svg", "image/svg+xml")

    async def snapshot(self, _request: Request) -> Response:
        """Return the annotated picture of this moment."""
        return Response(self._projector.picture(), media_type="image/jpeg")

    async def events(self, request: Request) -> Response:
        """Return what happens, as it happens."""
        kind = "text/event-stream"
        if request.method == "HEAD":
            return Response(media_type=kind)
        return StreamingResponse(self._news.listen(), media_type=kind)

    async def state(self, request: Request) -> Response:
        """Return how everything is."""
        return JSONResponse(
            {
                **self._news.state(),
                **describe_faces(self._outlook),
                "viewers": self._projector.viewers,
                "authorised": self._pass.admits(request.headers),
            }
        )

    async def analyse(self, request: Request) -> Response:
        """Return what is seen in a picture that is sent."""
        scene = await self._reader.read(request)
        if "image/jpeg" in request.headers.get("accept", ""):
            picture = annotate(scene, self._outlook.blur)
            return Response(cv2.imencode(".jpg", picture)[1].tobytes(), media_type="image/jpeg")
        return JSONResponse(self._told(scene))

    async def control(self, request: Request) -> Response:
        """Carry out a command."""
        command = orders.parse_command(await read_body(request, orders.LARGEST))
        return JSONResponse(await orders.execute_command(command, self._desk))

    async def login(self, request: Request) -> Response:
        """Let in who has the token."""
        body = await read_body(request, orders.LARGEST)
        try:
            token = msgspec.json.decode(body, type=dict[str, str])["token"]
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
            text = 'expected {"token": "..."}'
            raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", text) from error
        if not self._pass.knows(token):
            raise ApiError(HTTPStatus.UNAUTHORIZED, "unauthorised", "that is not the token")
        response = JSONResponse({})
        self._pass.admit(response)
        return response

    async def logout(self, _request: Request) -> Response:
        """Let whoever asks in no more."""
        response = JSONResponse({})
        self._pass.dismiss(response)
        return response

    async def health(self, _request: Request) -> Response:
        """Tell whether pictures come, or nobody wants any."""
        status = self._news.status
        camera = status.camera if status else CameraState.OFFLINE
        if camera is CameraState.OFFLINE:
            return JSONResponse({"status": "camera offline"}, HTTPStatus.SERVICE_UNAVAILABLE)
        return JSONResponse({"status": "ok"})

    async def metrics(self, _request: Request) -> Response:
        """Return the numbers for Prometheus."""
        text = render_gauges(self._news, self._projector, self._outlook)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, _request: Request) -> Response:
        """Return the description of all this."""
        return JSONResponse(yaml.safe_load(OPENAPI.read_bytes()))

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Show the live picture."""
        if scope["method"] == "HEAD":
            await Response(media_type=STREAM)(scope, receive, send)
            return
        try:
            self._projector.take_seat()
        except ApiError as refusal:
            await refusal.response(scope, receive, send)
            return
        try:
            await self._projector.show(receive, send)
        finally:
            self._projector.leave_seat()

    def _told(self, scene: Seen) -> dict[str, Any]:
        width, height = scene.frame.size
        status = self._news.status
        return {
            "width": width,
            "height": height,
            "model": status.model if status else None,
            "detector": status.detector if status else None,
            "faces": [plain_face(face) for face in scene.expressions],
        }


def build_app(
    admission: TokenAuth,
    news: EventBroadcaster,
    projector: MjpegBroadcaster,
    outlook: ViewContext,
    desk: CommandQueue,
) -> Starlette:
    """Return the application: every place, and what answers there."""
    desktop = Handlers(admission, news, projector, outlook, desk)
    routes = [
        Route("/", desktop.page),
        Route("/page.js", desktop.script),
        Route("/page.css", desktop.style),
        Route("/page.svg", desktop.icon),
        Route("/stream.mjpg", _Stream(desktop.stream), methods=["GET"]),
        Route("/snapshot.jpg", desktop.snapshot),
        Route("/events", desktop.events),
        Route("/api/state", desktop.state),
        Route("/api/analyse", desktop.analyse, methods=["POST"]),
        Route("/api/control", desktop.control, methods=["POST"]),
        Route("/api/login", desktop.login, methods=["POST"]),
        Route("/api/logout", desktop.logout, methods=["POST"]),
        Route("/healthz", desktop.health),
        Route("/metrics", desktop.metrics),
        Route("/openapi.json", desktop.openapi),
    ]
    handlers = {
        ApiError: answer_refusal,
        HTTPException: _answer_http,
        EmotiondError: _answer_failure,
        Exception: _answer_fault,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


class _Stream:
    """A place that is answered by the protocol's own means, and not by a Response."""

    def __init__(self, answer: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)


def _page_file(name: str, kind: str) -> Response:
    return Response((PAGE / name).read_bytes(), media_type=kind)


def _answer_http(_request: Request, error: Exception) -> Response:
    """Answer a place that is none, or is asked in a way that it does not know."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    response = ApiError(status, "unknown", status.phrase).response
    response.headers.update(error.headers or {})
    return response


def _answer_failure(_request: Request, error: Exception) -> Response:
    """Answer where a model or detector cannot be used any more."""
    return ApiError(HTTPStatus.CONFLICT, "failed", str(error)).response


def _answer_fault(_request: Request, error: Exception) -> Response:
    """Answer where the program fails, and let the log tell why."""
    log.error("a fault of the web page", exc_info=error)
    text = "a fault of the program; its log tells more"
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", text).response
