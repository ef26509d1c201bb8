"""History of the page: hours and days, from the files that events are appended to."""

import asyncio
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from edge.publish import intervals
from edge.publish.events import decode_event, utc
from edge.view import ViewContext
from edge.view.web.api import ApiError
from edge.view.web.programs import REPORT_POLICY, Programs

MAX_BYTES = 32_000_000  # bytes at the end of each file that are read: some 50,000 events
MAX_INTERVALS = 50_000  # of each file and camera that are remembered, the newest
BARS = 48  # parts of the time that are told apart


class EventFile:
    """Expression intervals of one file of events, of which each look reads what is new alone."""

    def __init__(self, path: Path) -> None:
        self._path, self._inode, self._offset = path, 0, 0
        self._builders: defaultdict[str, intervals.IntervalBuilder] = defaultdict(
            partial(intervals.IntervalBuilder, by_zone=True)
        )

    def recorded(self, camera: str) -> list[intervals.ExpressionInterval]:
        """Return what is recorded, with a name by that camera; what is no event is left out."""
        with suppress(OSError):
            self._read()
        chosen = [self._builders[camera]] if camera else self._builders.values()
        return [one for builder in chosen for one in (*builder.closed, *builder.open())]

    def _read(self) -> None:
        with self._path.open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_ino != self._inode or found.st_size < self._offset:  # written anew
                self._builders.clear()
                self._inode, self._offset = found.st_ino, max(0, found.st_size - MAX_BYTES)
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):  # it is being written
                    break
                self._offset += len(line)
                with suppress(msgspec.MsgspecError, ValueError):
                    event = decode_event(line)
                    if event.position is None:  # positions in videos are no times of day
                        self._builders[event.camera_name].add(event)
        for builder in self._builders.values():
            del builder.closed[:-MAX_INTERVALS]


class History:
    """Time by expression, zone and part of a day, from files of events; any thread may ask."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = [EventFile(path) for path in files]
        self._lock = threading.Lock()

    def read(self, end: float, seconds: float, camera: str = "", parts: int = BARS) -> Any:
        """Return what was seen in the time before `end`, POSIX time, as plain values.

        With a `camera`, what that alone saw. Each of the equal `parts` has seconds of expressions.
        """
        start = end - seconds
        with self._lock:
            found = [one for file in self._files for one in file.recorded(camera)]
        # Two files may have the same events.
        seen = list(dict.fromkeys(intervals.clipped(found, start, end)))
        seconds_of = intervals.time_by_emotion(seen)
        by_emotion, zones = defaultdict(list), defaultdict[str, float](float)
        for one in seen:
            by_emotion[one.emotion].append((one.start - start, one.end - start))
            for zone in one.zones:
                zones[zone] += one.seconds
        edges = np.linspace(0.0, seconds, parts + 1)
        shares = {name: _seconds_in(edges, spans) for name, spans in by_emotion.items()}
        return {
            "start": utc(start),
            "end": utc(end),
            "faces": len({one.track for one in seen}),
            "in_view": round(intervals.time_in_view(seen), 1),
            "seconds": {name: round(one, 1) for name, one in seconds_of.items()},
            "zones": {name: round(one, 1) for name, one in sorted(zones.items())},
            "bars": [
                {
                    "start": utc(start + edges[index]),
                    "seconds": {name: one[index] for name, one in shares.items() if one[index]},
                }
                for index in range(parts)
            ],
        }


def _seconds_in(edges: NDArray[np.float64], spans: Sequence[tuple[float, float]]) -> list[float]:
    """Return how much of the spans lies between each two edges, in tenths of seconds."""
    starts, ends = np.asarray(spans).T
    before = [np.clip(edge, starts, ends).sum() for edge in edges]
    return [round(one, 1) for one in np.diff(before).tolist()]


class HistoryQuery(msgspec.Struct, frozen=True):
    """Query of `/api/history`, and of `/api/report`."""

    hours: Annotated[float, msgspec.Meta(ge=1 / 60, le=31 * 24)] = 24.0
    end: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    parts: Annotated[int, msgspec.Meta(ge=1, le=31 * 24)] = BARS


class HistoryRoutes:
    """Routes of history and report, of one camera or of all."""

    def __init__(self, context: ViewContext, history: History, programs: Programs) -> None:
        self._context, self._history, self._programs = context, history, programs
        self.routes = [Route("/api/history", self._read), Route("/api/report", self._report)]

    def _query(self, request: Request) -> tuple[HistoryQuery, datetime]:
        """Return what is asked, and the end of that time."""
        if not self._context.event_files:
            text = "expected a `jsonl` sink in the config, which records events; found none"
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown", text)
        try:
            query = msgspec.convert(dict(request.query_params), HistoryQuery, strict=False)
            end = query.end or datetime.now(UTC)
            end - timedelta(hours=query.hours)  # after year 1
        except (ValueError, OverflowError) as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", str(error)) from error
        return query, end

    async def _read(self, request: Request) -> Response:
        query, end = self._query(request)
        seconds, camera = 3600 * query.hours, self._context.camera
        read = partial(self._history.read, end.timestamp(), seconds, camera, query.parts)
        return JSONResponse(await asyncio.to_thread(read))

    async def _report(self, request: Request) -> Response:
        """Return the report of a time, as a page that stands alone."""
        query, end = self._query(request)
        start, camera = end - timedelta(hours=query.hours), self._context.camera
        options = [f"--since={start.isoformat()}", f"--until={end.isoformat()}"]
        options += [f"--camera={camera}"] if camera else []
        files = [str(path) for path in self._context.event_files if path.exists()]
        page = await self._programs.run("report", "--out=-", *options, "--", *files)
        return HTMLResponse(page, headers=REPORT_POLICY)
