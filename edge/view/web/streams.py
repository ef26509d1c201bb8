"""Live streams: server-sent events, and the annotated video as MJPEG."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from http import HTTPStatus
from threading import Event, Thread
from typing import Any

import cv2
import msgspec
from starlette.types import Receive, Send

from edge.publish.payload import encode_event
from edge.types import AnalyzedFrame, DaemonStatus, EmotionEvent, SinkRecord, Stats
from edge.view.annotate import annotate
from edge.view.settings import ViewContext
from edge.view.web.api import ApiError, faces_json, state_json

HISTORY_S = 600.0
HISTORY_EVENTS = 500
"""Seconds and number of past events that a new listener is sent, so that its timeline is full."""

MAX_LISTENERS = 20
"""Pages and programs that may listen at a time."""

MAX_QUEUED_ITEMS = HISTORY_EVENTS + 100
"""Items that may wait for a slow listener; a slower one is disconnected, and reconnects."""

FACES_INTERVAL_S = 0.2
"""Seconds between two looks at the faces, while anybody listens."""

STATE_INTERVAL_S = 1.0
"""Seconds between two looks at the state of the daemon."""

HEARTBEAT_S = 15.0
"""Seconds of silence after which a comment shows that the connection lives."""

JPEG_QUALITY = 80
"""Quality of the images of the video stream, 0-100."""

FRAME_TIMEOUT_S = 0.5
"""Seconds without a new frame after which it is checked whether viewers are still there."""

BOUNDARY = b"emotiond"

MJPEG_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY.decode()}"

MJPEG_PART = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n--" + BOUNDARY + b"\r\n"
"""Ends with the boundary of the next part: browsers show an image once that has come."""


class EventBroadcaster:
    """Sends events, faces and state to every listener, as server-sent events.

    An item is one event of html.spec.whatwg.org/multipage/server-sent-events.html, as bytes.

    Args:
        context: the faces of this moment.

    Attributes:
        status, stats: the latest; None before the first.
    """

    def __init__(self, context: ViewContext) -> None:
        self.status: DaemonStatus | None = None
        self.stats: Stats | None = None
        self._context = context
        self._history: deque[tuple[float, bytes]] = deque(maxlen=HISTORY_EVENTS)
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._listening: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """Number of listeners."""
        return len(self._listeners)

    def publish(self, record: SinkRecord) -> None:
        """Take a record of the sink, from any thread."""
        match record:
            case DaemonStatus():
                self.status = record
            case Stats():
                self.stats = record
            case EmotionEvent():
                item = _item("emotion", encode_event(record), record.id)
                self._history.append((time.monotonic(), item))
                _call(self._loop, partial(self._send, item))

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve listeners in `loop`."""
        self._loop, self._listening = loop, asyncio.Event()
        self._task = loop.create_task(self._send_changes())

    def close(self) -> None:
        """Disconnect every listener."""
        _call(self._loop, self._end)

    def state(self) -> dict[str, Any]:
        """Return the state of the daemon as plain values."""
        return state_json(self._context, self.status, self.stats)

    def listen(self) -> AsyncIterator[bytes]:
        """Return the items of the recent past, and every one from now on.

        Raises:
            ApiError: too many listen already.
        """
        if len(self._listeners) >= MAX_LISTENERS:
            text = f"{MAX_LISTENERS} listen already, and no more may"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", text)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_QUEUED_ITEMS)
        for item in self._recent():
            queue.put_nowait(item)
        queue.put_nowait(_item("state", msgspec.json.encode(self.state())))
        self._listeners.add(queue)
        assert self._listening is not None
        self._listening.set()
        return self._items(queue)

    async def _items(self, queue: "asyncio.Queue[bytes | None]") -> AsyncIterator[bytes]:
        try:
            while True:
                try:
                    item = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    item = b": still here\n\n"
                if item is None:
                    return
                yield item
        finally:
            self._listeners.discard(queue)

    def _recent(self) -> list[bytes]:
        oldest = time.monotonic() - HISTORY_S
        return [item for sent, item in list(self._history) if sent >= oldest]

    # What follows runs in the loop.

    def _send(self, item: bytes) -> None:
        for queue in list(self._listeners):
            try:
                queue.put_nowait(item)
            except asyncio.QueueFull:  # this listener would fall behind ever more
                self._listeners.discard(queue)
                _disconnect(queue)

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
        for queue in self._listeners:
            _disconnect(queue)

    async def _send_changes(self) -> None:
        """Send faces and state while anybody listens, and only where they changed."""
        assert self._listening is not None
        sent_frame: AnalyzedFrame | None = None
        sent_state: Mapping[str, Any] = {}
        due = 0.0
        while True:
            if not self._listeners:
                self._listening.clear()
                await self._listening.wait()
            frame = self._context.latest.newest
            if frame is not sent_frame:
                sent_frame = frame
                self._send(_item("faces", msgspec.json.encode(faces_json(self._context))))
            if time.monotonic() >= due:
                due, state = time.monotonic() + STATE_INTERVAL_S, self.state()
                if state != sent_state:
                    sent_state = state
                    self._send(_item("state", msgspec.json.encode(state)))
            await asyncio.sleep(FACES_INTERVAL_S)


def _disconnect(queue: "asyncio.Queue[bytes | None]") -> None:
    """Let the reader of a queue come to its end at once."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


def _item(kind: str, data: bytes, event_id: str | None = None) -> bytes:
    id_line = f"id: {event_id}\n" if event_id else ""
    return f"event: {kind}\n{id_line}".encode() + b"data: " + data + b"\n\n"


class MjpegBroadcaster:
    """Annotates and encodes each frame once for all viewers, and none while there are no viewers.

    It encodes in a thread of its own. A viewer that is slower than the frames misses some, and
    delays nobody.

    Args:
        context: what is shown.
        max_viewers: how many may watch at a time.

    Attributes:
        viewers: number of viewers.
        encoded: number of frames encoded so far.
    """

    def __init__(self, context: ViewContext, max_viewers: int) -> None:
        self.viewers = self.encoded = 0
        self._context = context
        self._max_viewers = max_viewers
        self._watched = Event()
        self._closed = False
        self._part: bytes | None = None
        self._changed: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = Thread(target=self._run, name="web-pictures", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve viewers in `loop`."""
        self._loop, self._changed = loop, asyncio.Event()
        self._thread.start()

    def close(self) -> None:
        """Disconnect every viewer."""
        self._closed = True
        self._watched.set()

    def snapshot(self) -> bytes:
        """Return the latest frame as JPEG, encoded now.

        Raises:
            ApiError: there is none.
        """
        frame = self._context.latest.newest
        if frame is None:
            text = "there is no picture now: the camera is paused, away, or just begins"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "failed", text)
        return self._encode(frame)

    async def stream(self, receive: Receive, send: Send) -> None:
        """Send frames to one viewer until it leaves or the server ends.

        Raises:
            ApiError: there are too many viewers.
        """
        if self.viewers >= self._max_viewers:
            text = f"{self._max_viewers} watch already, and no more may; see `web.max_viewers`"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", text)
        self.viewers += 1
        self._watched.set()
        try:
            await self._send_frames(receive, send)
        finally:
            self.viewers -= 1
            if not self.viewers and not self._closed:
                self._watched.clear()
                self._part = None

    async def _send_frames(self, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_wait_for_disconnect(receive))
        sent: bytes | None = None
        headers = [(b"content-type", MJPEG_TYPE.encode())]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send(_body(b"--" + BOUNDARY + b"\r\n"))
            while not gone.done() and not self._closed:
                part = self._part
                if part is not None and part is not sent:
                    await send(_body(part))
                    sent = part
                else:
                    assert self._changed is not None
                    await self._changed.wait()
            await send(_body(b"", more=False))
        finally:
            gone.cancel()

    def _run(self) -> None:
        """Encode new frames while there are viewers."""
        seen: AnalyzedFrame | None = None
        while not self._closed:
            self._watched.wait()
            frame = self._context.latest.next(seen, FRAME_TIMEOUT_S)
            part = self._part if frame is seen else None
            if frame is not None and part is None:
                jpeg = self._encode(frame)
                part = MJPEG_PART % (len(jpeg), jpeg)
                self.encoded += 1
            seen = frame
            _call(self._loop, partial(self._set_part, part))
        _call(self._loop, partial(self._set_part, None))

    def _set_part(self, part: bytes | None) -> None:
        """Let the viewers see the next part; called in their loop."""
        self._part = part
        changed, self._changed = self._changed, asyncio.Event()
        if changed is not None:
            changed.set()

    def _encode(self, frame: AnalyzedFrame) -> bytes:
        image = annotate(frame, self._context.blur, self._context.latest.fps)
        quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        return cv2.imencode(".jpg", image, quality)[1].tobytes()


def _body(part: bytes, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": part, "more_body": more}


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _call(loop: asyncio.AbstractEventLoop | None, function: Callable[[], None]) -> None:
    """Call a function in the loop of the server; before it runs and after it ended, do nothing."""
    if loop is not None and not loop.is_closed():
        loop.call_soon_threadsafe(function)
