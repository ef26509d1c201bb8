"""Parts of the web API: errors, bodies of requests, commands, faces as JSON, and metrics.

A request that is not carried out raises an ApiError; a command, a CommandError.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from edge.capture.images import UnknownFormatError, decode_image
from edge.capture.source import OversizedError, as_readonly
from edge.errors import InputError
from edge.pipeline.worker import LatestFrame
from edge.publish.events import utc
from edge.service import commands
from edge.service.commands import CommandError, CommandName, ErrorCode
from edge.types import Image
from edge.view import ViewContext

T = TypeVar("T")
COMMAND_TIMEOUT_S = 10.0  # seconds for the main thread to answer; a slow SD card takes some
MAX_UPLOAD_PIXELS = 25_000_000  # pixels of an uploaded image; decoded, each takes three bytes
NO_IMAGE = "there is no image now: the camera is paused, away, or just begins"
UPLOAD_TIMEOUT_S = 20.0  # seconds within which the body of a request must have come


class ApiError(Exception):
    """A request that is not carried out; the code is for programs, the message for people."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    @property
    def response(self) -> Response:
        """The response to the request."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == HTTPStatus.UNAUTHORIZED else {}
        body = {"error": {"code": self.code, "message": str(self)}}
        return JSONResponse(body, self.status, headers)


def faces_json(latest: LatestFrame) -> dict[str, Any]:
    """Return the faces of the latest frame as plain values; none where there is no frame."""
    frame = latest.newest
    if frame is None:
        return {"time": None, "fps": 0.0, "frame": None, "faces": []}
    width, height = frame.frame.size
    return {
        "time": utc(frame.time),
        "fps": round(latest.fps, 1),
        "frame": {"width": width, "height": height},
        "faces": [face.to_dict() for face in frame.expressions],
    }


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request; errors are as of `receive_body`."""
    parts: list[bytes] = []
    await receive_body(request, max_bytes, parts.append, UPLOAD_TIMEOUT_S)
    return b"".join(parts)


async def receive_body(
    request: Request, max_bytes: int, write: Callable[[bytes], object], timeout_s: float
) -> None:
    """Write the body of a request, unless it is too large, too slow, or breaks off."""
    announced = request.headers.get("content-length", "0")
    oversized, received = announced.isdecimal() and int(announced) > max_bytes, 0
    try:
        async with asyncio.timeout(timeout_s):
            stream = request.stream()
            while not oversized and (part := await anext(stream, None)) is not None:
                received += len(part)
                oversized = received > max_bytes
                write(part)
    except TimeoutError as error:
        text = f"expected the whole of it within {timeout_s:.0f} s"
        raise ApiError(HTTPStatus.REQUEST_TIMEOUT, "slow", text) from error
    except ClientDisconnect as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", "it broke off") from error
    if oversized:
        raise _too_large(f"expected at most {max_bytes} bytes")


async def read_json(request: Request, kind: type[T], max_bytes: int) -> T:
    """Return the JSON body of a request, if it is of that kind."""
    try:
        return msgspec.json.decode(await read_body(request, max_bytes), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(ErrorCode.MALFORMED, f"is not as the API says: {error}") from error


def parse_command(fields: dict[str, Any]) -> commands.NamedCommand:
    """Return the command of fields such as `{"command": "pause", "paused": true}`."""
    name = fields.pop("command", None)
    if name == CommandName.SNAPSHOT:
        raise CommandError(ErrorCode.REFUSED, "the image of this moment is at /snapshot.jpg")
    try:
        return commands.read_command(CommandName(name), fields)
    except ValueError as error:
        text = f"expected `command` to be one of {', '.join(CommandName)}"
        raise CommandError(ErrorCode.UNKNOWN, text) from error


async def execute_command(command: commands.Command, context: ViewContext) -> dict[str, Any]:
    """Submit a command, and return its result as plain values."""
    answer: Future[commands.CommandResult | CommandError] = Future()
    context.commands.submit(commands.CommandRequest(command, answer.set_result, context.camera))
    # Unlike `wait_for` it cancels nothing: a late answer may still be set, and goes unheard.
    if not (await asyncio.wait([asyncio.wrap_future(answer)], timeout=COMMAND_TIMEOUT_S))[0]:
        text = f"no answer came within {COMMAND_TIMEOUT_S:.0f} s; it may still be carried out"
        raise ApiError(HTTPStatus.GATEWAY_TIMEOUT, "slow", text)
    result = answer.result()
    if isinstance(result, CommandError):
        raise result
    return result.data


def decode_upload(data: bytes) -> Image:
    """Return the uploaded image; its size is checked before anything is decoded."""
    try:
        return as_readonly(decode_image(data, MAX_UPLOAD_PIXELS))
    except OversizedError as error:
        raise _too_large(str(error)) from error
    except InputError as error:
        unknown = isinstance(error, UnknownFormatError)
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE if unknown else HTTPStatus.UNPROCESSABLE_ENTITY
        raise ApiError(status, "malformed", f"the upload {error}") from error


def _too_large(text: str) -> ApiError:
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "oversized", text)
