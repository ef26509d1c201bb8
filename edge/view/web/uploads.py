"""Pictures that are sent to be read."""

import asyncio
import io
import warnings
from http import HTTPStatus

import PIL.Image
from starlette.requests import ClientDisconnect, Request

from edge.capture.images import decode_image
from edge.capture.source import as_readonly
from edge.errors import InputError
from edge.types import AnalyzedFrame, Image
from edge.view.view_context import ViewContext
from edge.view.web.api_error import ApiError

LARGEST = 10_000_000
"""Bytes of a file: what a good camera makes of one picture."""

MOST_PIXELS = 25_000_000
"""In a picture; decoded, it takes three bytes each."""

SECONDS = 20.0
"""Within which a file must have come."""

WAITING = 4
"""Pictures that may wait while one is read."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")


class ImageAnalyzer:
    """Reads one picture after another; a few may wait.

    Args:
        outlook: how they are read.
    """

    def __init__(self, outlook: ViewContext) -> None:
        self._outlook = outlook
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def read(self, request: Request) -> AnalyzedFrame:
        """Return what is seen in the picture that a request brings.

        Raises:
            ApiError: it brings none, one that is too large, or too slowly; or too many wait.
        """
        if self._waiting > WAITING:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many pictures wait")
        self._waiting += 1
        try:
            data = await read_body(request, LARGEST)
            async with self._turn:
                return await asyncio.to_thread(self._analyse, data)
        finally:
            self._waiting -= 1

    def _analyse(self, data: bytes) -> AnalyzedFrame:
        return self._outlook.analyse(_decode(data))


async def read_body(request: Request, largest: int) -> bytes:
    """Return the body of a request.

    Raises:
        ApiError: it is too large, or comes too slowly, or not at all.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > largest:
        raise _too_large(largest)
    try:
        async with asyncio.timeout(SECONDS):
            return await _collect(request, largest)
    except TimeoutError as error:
        text = f"expected the whole of it within {SECONDS:.0f} s"
        raise ApiError(HTTPStatus.REQUEST_TIMEOUT, "slow", text) from error
    except ClientDisconnect as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", "it broke off") from error


async def _collect(request: Request, largest: int) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > largest:
            raise _too_large(largest)
    return bytes(body)


def _too_large(largest: int) -> ApiError:
    text = f"expected at most {largest} bytes"
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "oversized", text)


def _decode(data: bytes) -> Image:
    """Return the picture in `data`, whose size is looked at before anything is decoded.

    Raises:
        ApiError: it holds none, or one that is too large.
    """
    if not data:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", "expected a picture, found nothing")
    width, height = _measure(data)
    if width * height > MOST_PIXELS:
        text = f"expected at most {MOST_PIXELS} pixels, found {width}x{height}"
        raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "oversized", text)
    try:
        return as_readonly(decode_image(data))
    except InputError as error:
        text = f"the picture {error}"
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", text) from error


def _measure(data: bytes) -> tuple[int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                return picture.size
    except PIL.Image.DecompressionBombError as error:
        text = f"expected at most {MOST_PIXELS} pixels, found far more"
        raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "oversized", text) from error
    except (OSError, ValueError, SyntaxError, KeyError, EOFError) as error:
        text = f"expected a picture ({', '.join(FORMATS)}), found something else"
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "malformed", text) from error
