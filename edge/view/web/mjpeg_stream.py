"""The live picture, encoded once for all who watch it."""

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from threading import Event, Thread

import cv2
from starlette.types import Receive, Send

from edge.types import AnalyzedFrame
from edge.view.annotate import annotate
from edge.view.view_context import ViewContext
from edge.view.web.api_error import ApiError

QUALITY = 80
"""Of a JPEG, 0-100."""

PATIENCE = 0.5
"""Seconds after which it is looked whether who watches is still there, though nothing is new."""

BOUNDARY = b"emotiond"

STREAM = f"multipart/x-mixed-replace; boundary={BOUNDARY.decode()}"

PART = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n--" + BOUNDARY + b"\r\n"
"""Ends with the boundary of the next: browsers show a picture once that has come."""


class MjpegBroadcaster:
    """Draws and encodes each scene once, however many watch, and none while nobody does.

    It has a thread of its own. Whoever is slower than the scenes come misses some, and holds up
    nobody.

    Args:
        outlook: what is shown.
        seats: how many may watch at a time.

    Attributes:
        viewers: how many do.
        encoded: how many scenes were encoded so far.
    """

    def __init__(self, outlook: ViewContext, seats: int) -> None:
        self.viewers = self.encoded = 0
        self._outlook = outlook
        self._seats = seats
        self._watched = Event()
        self._closed = False
        self._part: bytes | None = None
        self._turned: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = Thread(target=self._project, name="web-pictures", daemon=True)

    def start(self) -> None:
        """Begin to wait for somebody to watch."""
        self._thread.start()

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Show to those who are served by `loop`."""
        self._loop, self._turned = loop, asyncio.Event()

    def close(self) -> None:
        """Send everybody away."""
        self._closed = True
        self._watched.set()

    def picture(self) -> bytes:
        """Return the present picture, encoded now.

        Raises:
            ApiError: there is none.
        """
        scene = self._outlook.showcase.newest
        if scene is None:
            text = "there is no picture now: the camera is paused, away, or just begins"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "failed", text)
        return self._encode(scene)

    def take_seat(self) -> None:
        """Count one more who watches.

        Raises:
            ApiError: there are too many.
        """
        if self.viewers >= self._seats:
            text = f"{self._seats} watch already, and no more may; see `web.viewers`"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", text)
        self.viewers += 1
        self._watched.set()

    def leave_seat(self) -> None:
        """Count one less."""
        self.viewers -= 1
        if not self.viewers and not self._closed:
            self._watched.clear()
            self._part = None

    async def show(self, receive: Receive, send: Send) -> None:
        """Show scenes to one who has a seat, until they leave or all is over."""
        gone = asyncio.ensure_future(_disconnection(receive))
        shown: bytes | None = None
        try:
            await send(_start())
            await send(_body(b"--" + BOUNDARY + b"\r\n"))
            while not gone.done() and not self._closed:
                part = self._part
                if part is not None and part is not shown:
                    await send(_body(part))
                    shown = part
                else:
                    await self._turn()
            await send(_body(b"", more=False))
        finally:
            gone.cancel()

    async def _turn(self) -> None:
        """Wait for the next scene, or a while."""
        assert self._turned is not None
        await self._turned.wait()

    def _project(self) -> None:
        """Encode what is new, as long as somebody watches."""
        seen: AnalyzedFrame | None = None
        while not self._closed:
            self._watched.wait()
            scene = self._outlook.showcase.next(seen, PATIENCE)
            part = self._part if scene is seen else None
            if scene is not None and part is None:
                picture = self._encode(scene)
                part = PART % (len(picture), picture)
                self.encoded += 1
            seen = scene
            self._call(partial(self._put, part))
        self._call(partial(self._put, None))

    def _put(self, part: bytes | None) -> None:
        """Let those who watch see the next part; called in their loop."""
        self._part = part
        turned, self._turned = self._turned, asyncio.Event()
        if turned is not None:
            turned.set()

    def _call(self, step: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(step)

    def _encode(self, scene: AnalyzedFrame) -> bytes:
        picture = annotate(scene, self._outlook.blur, self._outlook.showcase.fps)
        quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        return cv2.imencode(".jpg", picture, quality)[1].tobytes()


def _start() -> dict[str, object]:
    headers = [(b"content-type", STREAM.encode())]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _body(part: bytes, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": part, "more_body": more}


async def _disconnection(receive: Receive) -> None:
    """Wait until who asked is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
