"""Web API: errors, the state as JSON, commands, and images that are uploaded to be analyzed."""

import asyncio
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from edge import __version__
from edge.capture.images import OversizedError, UnknownFormatError, decode_image
from edge.capture.source import as_readonly
from edge.errors import InputError
from edge.publish.events import plain_stats, utc
from edge.service.commands import (
    CommandError,
    CommandName,
    CommandQueue,
    CommandRequest,
    CommandResult,
    ErrorCode,
    NamedCommand,
    read_command,
)
from edge.types import UNCERTAIN, AnalyzedFrame, DaemonStatus, Image, Stats
from edge.view import ViewContext
from edge.view.annotate import color_for

MAX_COMMAND_BYTES = 4096

COMMAND_TIMEOUT_S = 10.0
"""Seconds within which the main thread must answer; a model on a slow SD card takes some."""

MAX_UPLOAD_BYTES = 10_000_000
"""Bytes of an uploaded file: what a good camera makes of one image."""

MAX_UPLOAD_PIXELS = 25_000_000
"""Pixels of an uploaded image; decoded, each takes three bytes."""

UPLOAD_TIMEOUT_S = 20.0
"""Seconds within which the body of a request must have come."""

MAX_QUEUED_UPLOADS = 4
"""Images that may wait while one is analyzed."""

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


class ApiError(Exception):
    """A request that is not carried out; nothing was changed.

    Args:
        status: of the response.
        code: for programs.
        message: for people.
    """

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @classmethod
    def from_command_error(cls, error: CommandError) -> "ApiError":
        """Return the error for a command that was not carried out."""
        return cls(COMMAND_ERROR_STATUS[error.code], error.code.value, str(error))

    @property
    def response(self) -> Response:
        """The response to the request."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == HTTPStatus.UNAUTHORIZED else {}
        body = {"error": {"code": self.code, "message": str(self)}}
        return JSONResponse(body, self.status, headers)


def state_json(
    context: ViewContext, status: DaemonStatus | None, stats: Stats | None
) -> dict[str, Any]:
    """Return the settings, the choices and the latest stats of the daemon as plain values."""
    labels = status.labels if status else ()
    until = status.paused_until if status else None
    return {
        "version": __version__,
        "camera": status.camera.value if status else None,
        "paused_until": utc(until) if until else None,
        "model": status.model if status else None,
        "detector": status.detector if status else None,
        "models": sorted(context.catalog.models),
        "detectors": list(context.catalog.detectors),
        "labels": list(labels),
        "colours": {label: color_for(label) for label in (*labels, UNCERTAIN)},
        "blur": context.blur.value,
        "stats": plain_stats(stats) if stats else None,
    }


def faces_json(context: ViewContext) -> dict[str, Any]:
    """Return the faces of the latest frame as plain values; none where there is no frame."""
    frame = context.latest.newest
    if frame is None:
        return {"time": None, "fps": 0.0, "frame": None, "faces": []}
    width, height = frame.frame.size
    return {
        "time": utc(frame.time),
        "fps": round(context.latest.fps, 1),
        "frame": {"width": width, "height": height},
        "faces": [face.to_dict() for face in frame.expressions],
    }


def parse_command(body: bytes) -> NamedCommand:
    """Return the command in a body such as `{"command": "pause", "paused": true}`.

    Raises:
        ApiError: the body holds none, or one that is not carried out here.
    """
    known = [one.value for one in CommandName if one is not CommandName.SNAPSHOT]
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
        name = fields.pop("command", None)
        if name == CommandName.SNAPSHOT:
            raise CommandError(ErrorCode.REFUSED, "the picture of this moment is at /snapshot.jpg")
        if name not in known:
            text = f"expected `command` to be one of {', '.join(known)}"
            raise CommandError(ErrorCode.UNKNOWN, text)
        return read_command(CommandName(name), fields)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", f"is not JSON: {error}") from error
    except CommandError as error:
        raise ApiError.from_command_error(error) from error


async def execute_command(command: NamedCommand, commands: CommandQueue) -> dict[str, Any]:
    """Submit a command, and return its result as plain values.

    Raises:
        ApiError: it was not carried out, or not in time.
    """
    answer: Future[CommandResult | CommandError] = Future()
    commands.submit(CommandRequest(command, answer.set_result))
    try:
        # Shielded: a late answer may still be set, and goes unheard.
        waiting = asyncio.shield(asyncio.wrap_future(answer))
        result = await asyncio.wait_for(waiting, COMMAND_TIMEOUT_S)
    except TimeoutError as error:
        text = f"no answer came within {COMMAND_TIMEOUT_S:.0f} s; it may still be carried out"
        raise ApiError(HTTPStatus.GATEWAY_TIMEOUT, "slow", text) from error
    if isinstance(result, CommandError):
        raise ApiError.from_command_error(result)
    return result.data


class UploadAnalyzer:
    """Analyzes uploaded images one after another; a few may wait.

    Args:
        context: analyzes them.
    """

    def __init__(self, context: ViewContext) -> None:
        self._context = context
        self._uploads = 0
        self._lock = asyncio.Lock()

    async def analyze(self, request: Request) -> AnalyzedFrame:
        """Return the uploaded image of a request with its faces.

        Raises:
            ApiError: it is no image, too large, or too slow; or too many wait.
        """
        if self._uploads > MAX_QUEUED_UPLOADS:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many pictures wait")
        self._uploads += 1
        try:
            data = await read_body(request, MAX_UPLOAD_BYTES)
            async with self._lock:
                return await asyncio.to_thread(lambda: self._context.analyze(_decode(data)))
        finally:
            self._uploads -= 1


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request.

    Raises:
        ApiError: it is too large, too slow, or breaks off.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(f"expected at most {max_bytes} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(UPLOAD_TIMEOUT_S):
            async for part in request.stream():
                body += part
                if len(body) > max_bytes:
                    raise _too_large(f"expected at most {max_bytes} bytes")
    except TimeoutError as error:
        text = f"expected the whole of it within {UPLOAD_TIMEOUT_S:.0f} s"
        raise ApiError(HTTPStatus.REQUEST_TIMEOUT, "slow", text) from error
    except ClientDisconnect as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", "it broke off") from error
    return bytes(body)


def _too_large(text: str) -> ApiError:
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "oversized", text)


def _decode(data: bytes) -> Image:
    """Return the image in `data`; its size is checked before anything is decoded.

    Raises:
        ApiError: there is none, or one that is too large.
    """
    if not data:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", "expected a picture, found nothing")
    try:
        return as_readonly(decode_image(data, MAX_UPLOAD_PIXELS))
    except OversizedError as error:
        raise _too_large(str(error)) from error
    except UnknownFormatError as error:
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise ApiError(status, "malformed", f"the upload {error}") from error
    except InputError as error:
        text = f"the image {error}"
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", text) from error
