"""Live streams: server-sent events, and the annotated video as MJPEG."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, ClassVar

import cv2
import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from edge import __version__
from edge.publish.events import encode_event, plain_stats, utc
from edge.publish.sink import LogHandler
from edge.types import UNCERTAIN, AnalyzedFrame, DaemonStatus, EmotionEvent, SinkRecord, Stats
from edge.view import ViewContext
from edge.view.annotate import Words, annotate, apply_privacy, color_for
from edge.view.web.api import NO_IMAGE, ApiError, faces_json

HISTORY_S, HISTORY_EVENTS = 3600.0, 500  # seconds and number of past events for a new listener
MAX_LOG_LINES = 30  # warnings and errors that are shown, the newest
MAX_LISTENERS = 20  # pages and programs that may listen at a time
POLL_INTERVAL_S = 0.25  # seconds between two looks for what is new to a listener
JPEG_QUALITY = 80  # quality of the images of the video stream, 0-100
FRAME_TIMEOUT_S = 0.5  # seconds without a new frame until a look whether the server ends
MJPEG_BOUNDARY = b"--emotiond\r\n"

MJPEG_PART = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" + MJPEG_BOUNDARY
"""Ends with the boundary of the next part: browsers show an image once that has come."""


class Broadcaster(ABC):
    """Sends the same content to every client; `clients` are those of all that share its limit."""

    media_type: ClassVar[str]

    def __init__(self, context: ViewContext, max_clients: int, refusal: str) -> None:
        self.clients, self._context = set[Response](), context
        self._max_clients, self._refusal = max_clients, refusal
        self._closed = False

    @property
    def ended(self) -> bool:
        """Tell whether it was closed, or what it shows is no more, or is shown otherwise."""
        return self._closed or not self._context.is_current

    def close(self) -> None:
        """Disconnect every client."""
        self._closed = True

    async def stream(self, request: Request) -> Response:
        """Return what comes from now on, or the header alone to who asks for that."""
        if request.method == "HEAD":
            return Response(media_type=self.media_type)
        if len(self.clients) >= self._max_clients:
            text = f"{self._max_clients} {self._refusal}"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", text)
        return _LiveResponse(self)

    @abstractmethod
    def content(self) -> AsyncIterator[bytes]:
        """Yield what one client is sent."""


class _LiveResponse(StreamingResponse):
    """A response that is a client of its source until its client leaves or the content ends."""

    def __init__(self, source: Broadcaster) -> None:
        super().__init__(source.content(), media_type=source.media_type)
        self._clients = source.clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._clients.add(self)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._clients.discard(self)


class EventBroadcaster(Broadcaster):
    """Sends events, faces and state to every listener; a new one gets the recent past, too.

    An item is one event of html.spec.whatwg.org/multipage/server-sent-events.html, as bytes.

    `status` and `stats` are the latest; before any listener there is a status, and maybe no stats.
    """

    media_type = "text/event-stream"
    status: DaemonStatus

    def __init__(self, context: ViewContext) -> None:
        super().__init__(context, MAX_LISTENERS, "listen already, and no more may")
        self.stats: Stats | None = None
        self._published = 0
        # Number from 1, monotonic time, and item.
        self._history: deque[tuple[int, float, bytes]] = deque(maxlen=HISTORY_EVENTS)
        self._log: deque[dict[str, str]] = deque(maxlen=MAX_LOG_LINES)
        self._log_handler = LogHandler(self._log.append)
        logging.getLogger("edge").addHandler(self._log_handler)

    def close(self) -> None:
        """Disconnect every client, and hear no more of the log."""
        super().close()
        logging.getLogger("edge").removeHandler(self._log_handler)

    def publish(self, record: SinkRecord) -> None:
        """Take a record of the sink, from any thread."""
        match record:
            case DaemonStatus():
                self.status = record
            case Stats():
                self.stats = record
            case EmotionEvent():
                self._published += 1
                item = _item("emotion", encode_event(record), record.id)
                self._history.append((self._published, time.monotonic(), item))

    def state(self) -> dict[str, Any]:
        """Return the settings, the choices and the latest stats of the daemon as plain values."""
        status, context, until = self.status, self._context, self.status.paused_until
        return {
            "version": __version__,
            "device": context.device,
            "camera": status.camera.value,
            "paused_until": utc(until) if until else None,
            "model": status.model,
            "detector": status.detector,
            "models": sorted(context.catalog.models),
            "detectors": list(context.catalog.detectors),
            "labels": list(status.labels),
            "colours": {label: color_for(label) for label in (*status.labels, UNCERTAIN)},
            "blur": context.blur.value,
            "stats": plain_stats(self.stats) if self.stats else None,
            "log": list(self._log),
        }

    async def content(self) -> AsyncIterator[bytes]:
        """Yield what is new; end where the listener is so slow that it has missed an event."""
        seen, seen_frame, seen_state, latest = 0, None, None, self._context.latest
        while not self.ended:
            history = self._recent()
            if history and seen and history[0][0] > seen + 1:
                return
            items = [item for number, _, item in history if number > seen]
            seen = history[-1][0] if history else seen
            if (state := self.state()) != seen_state:
                seen_state = state
                items.append(_item("state", msgspec.json.encode(state)))
            if (frame := latest.newest) is not seen_frame:
                seen_frame = frame
                items.append(_item("faces", msgspec.json.encode(faces_json(latest))))
            if items:
                yield b"".join(items)
            await asyncio.sleep(POLL_INTERVAL_S)

    def _recent(self) -> list[tuple[int, float, bytes]]:
        oldest = time.monotonic() - HISTORY_S
        return [one for one in list(self._history) if one[1] >= oldest]


def _item(kind: str, data: bytes, event_id: str | None = None) -> bytes:
    id_line = f"id: {event_id}\n" if event_id else ""
    return f"event: {kind}\n{id_line}".encode() + b"data: " + data + b"\n\n"


class MjpegBroadcaster(Broadcaster):
    """Encodes each frame once for all viewers, and none while there are no viewers.

    One thread waits for the next frame and encodes it, whenever a viewer has sent the one before.
    A viewer that is slower than the frames misses some, and delays nobody. `words` are those of the
    labels, as of `draw_faces`; None draws neither boxes nor labels.
    """

    media_type = "multipart/x-mixed-replace; boundary=emotiond"

    def __init__(self, context: ViewContext, max_viewers: int, words: Words | None) -> None:
        refusal = "watch already, and no more may; see `web.max_viewers`"
        super().__init__(context, max_viewers, refusal)
        self._words = words
        self._executor = ThreadPoolExecutor(1, "web-video")
        self._encoding: asyncio.Future[None] | None = None
        self._frame: AnalyzedFrame | None = None
        self._part = b""

    def snapshot(self) -> bytes:
        """Return the latest frame as JPEG, encoded now; an ApiError tells that there is none."""
        frame = self._context.latest.newest
        if frame is None:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "failed", NO_IMAGE)
        return self._encode(frame)

    async def content(self) -> AsyncIterator[bytes]:
        """Yield each frame as a part of the stream."""
        loop, sent = asyncio.get_running_loop(), b""
        if self._encoding is None or self._encoding.done():  # the last part may be of long ago
            self._frame, self._part = None, b""
        yield MJPEG_BOUNDARY
        while not self.ended:
            if self._part is not sent:
                sent = self._part
                if sent:
                    yield sent
            else:
                if self._encoding is None or self._encoding.done():
                    self._encoding = loop.run_in_executor(self._executor, self._encode_next)
                await asyncio.shield(self._encoding)  # others wait for it too

    def _encode_next(self) -> None:
        """Wait a while for another frame, and make it the newest part of the stream."""
        frame = self._context.latest.next(self._frame, FRAME_TIMEOUT_S)
        if frame is self._frame:
            return
        part = b""
        if frame is not None:
            jpeg = self._encode(frame)
            part = MJPEG_PART % (len(jpeg), jpeg)
        self._frame, self._part = frame, part

    def _encode(self, frame: AnalyzedFrame) -> bytes:
        blur, words = self._context.blur, self._words
        image = apply_privacy(frame, blur) if words is None else annotate(frame, blur, words)
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
