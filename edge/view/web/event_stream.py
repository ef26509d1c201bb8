"""What happens, for whoever listens: server-sent events."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from edge.publish.payload import encode_event
from edge.service.commands import CommandQueue
from edge.types import AnalyzedFrame, DaemonStatus, EmotionEvent, SinkRecord, Stats
from edge.view.view_context import ViewContext
from edge.view.web.api_error import ApiError
from edge.view.web.serialize import describe_faces, describe_state

HISTORY_SECONDS = 600.0
HISTORY_EVENTS = 500
"""How much of what happened a page is told that comes later, so that its timeline is full."""

LISTENERS = 20
"""Pages and programs that may listen at a time."""

BACKLOG = HISTORY_EVENTS + 100
"""What may wait for one who listens slowly; who is slower is sent away, and comes back."""

LOOK_SECONDS = 0.2
"""Between two looks at the faces, while anybody listens."""

STATE_SECONDS = 1.0
"""Between two looks at how everything is set."""

HEARTBEAT_SECONDS = 15.0
"""Of silence, after which a line says that the connection lives."""

Item = bytes
"""One server-sent event (html.spec.whatwg.org/multipage/server-sent-events.html)."""


class EventBroadcaster:
    """Keeps what the sinks are given, and passes it on to who listens.

    Args:
        outlook: what is shown.
        desk: tells what may be chosen.

    Attributes:
        status, stats: the newest; None before the first.
    """

    def __init__(self, outlook: ViewContext, desk: CommandQueue) -> None:
        self.status: DaemonStatus | None = None
        self.stats: Stats | None = None
        self._outlook = outlook
        self._desk = desk
        self._history: deque[tuple[float, Item]] = deque(maxlen=HISTORY_EVENTS)
        self._listeners: set[asyncio.Queue[Item | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def take(self, record: SinkRecord) -> None:
        """Take what a sink is given, from any thread."""
        match record:
            case DaemonStatus():
                self.status = record
            case Stats():
                self.stats = record
            case EmotionEvent():
                item = _item("emotion", encode_event(record), record.id)
                self._history.append((time.monotonic(), item))
                self._call(self._tell, item)

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Pass news on to those who are served by `loop`."""
        self._loop, self._wanted = loop, asyncio.Event()
        self._task = loop.create_task(self._look())

    def close(self) -> None:
        """Send everybody away."""
        self._call(self._end)

    def state(self) -> dict[str, Any]:
        """Return how everything is at this moment, as plain values."""
        return describe_state(self._outlook, self._desk, self.status, self.stats)

    def listen(self) -> AsyncIterator[Item]:
        """Return what happened lately, and whatever happens from now on.

        Raises:
            ApiError: too many listen already.
        """
        if len(self._listeners) >= LISTENERS:
            text = f"{LISTENERS} listen already, and no more may"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", text)
        queue: asyncio.Queue[Item | None] = asyncio.Queue(BACKLOG)
        for item in self._recent():
            queue.put_nowait(item)
        queue.put_nowait(_item("state", msgspec.json.encode(self.state())))
        self._listeners.add(queue)
        assert self._wanted is not None
        self._wanted.set()
        return self._items(queue)

    async def _items(self, queue: "asyncio.Queue[Item | None]") -> AsyncIterator[Item]:
        try:
            while True:
                try:
                    item = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    item = b": still here\n\n"
                if item is None:
                    return
                yield item
        finally:
            self._listeners.discard(queue)

    def _recent(self) -> list[Item]:
        oldest = time.monotonic() - HISTORY_SECONDS
        return [item for moment, item in list(self._history) if moment >= oldest]

    # These run in the loop.

    def _tell(self, item: Item) -> None:
        for queue in list(self._listeners):
            try:
                queue.put_nowait(item)
            except asyncio.QueueFull:  # it would only hear ever older news
                self._listeners.discard(queue)
                _send_away(queue)

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
        for queue in self._listeners:
            _send_away(queue)

    async def _look(self) -> None:
        """Tell of faces and state while anybody listens, and only what changed."""
        assert self._wanted is not None
        seen: AnalyzedFrame | None = None
        told: Mapping[str, Any] = {}
        due = 0.0
        while True:
            if not self._listeners:
                self._wanted.clear()
                await self._wanted.wait()
            scene = self._outlook.showcase.newest
            if scene is not seen:
                seen = scene
                self._tell(_item("faces", msgspec.json.encode(describe_faces(self._outlook))))
            if time.monotonic() >= due:
                due, state = time.monotonic() + STATE_SECONDS, self.state()
                if state != told:
                    told = state
                    self._tell(_item("state", msgspec.json.encode(state)))
            await asyncio.sleep(LOOK_SECONDS)

    def _call(self, step: Any, *arguments: Any) -> None:
        """Have `step` called in the loop; before it runs and after it ended there is nobody."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(step, *arguments)


def _send_away(queue: "asyncio.Queue[Item | None]") -> None:
    """Let who reads a queue come to its end at once."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


def _item(kind: str, data: bytes, name: str | None = None) -> Item:
    told = f"id: {name}\n" if name else ""
    return f"event: {kind}\n{told}".encode() + b"data: " + data + b"\n\n"
