"""Subcommands that the page starts, in processes that make way, and videos that were uploaded."""

import asyncio
import os
import re
import resource
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from edge.errors import EmotiondError
from edge.paths import UPLOADS, make_private_folder, private_opener
from edge.view import ViewContext
from edge.view.web.api import ApiError, receive_body

MAX_LINE_BYTES = 16_000_000  # of one line that a program prints: the drawing in a report is one
MAX_FILE_BYTES = 1_000_000_000  # of a file that it writes: over an hour of an annotated copy

REPORT_POLICY = {  # headers of a report: its styles lie in itself; it runs and loads nothing
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
    )
}

RUN_S = 120.0  # seconds that checks, or a report, may take
MAX_VIDEOS = 8  # that are kept at a time
MAX_VIDEO_BYTES = 300_000_000  # bytes of an upload: some minutes from a phone
UPLOAD_TIMEOUT_S = 900.0  # seconds within which it must have come
ANALYSIS_TIMEOUT_S = 3600.0  # seconds after which an analysis is ended
MIN_FREE_BYTES = 1_000_000_000  # bytes that must be free on the disk before an upload
RESULTS = ("annotated.mp4", "events.jsonl", "report.html")


class Programs:
    """Runs one subcommand at a time, and has what it prints as a whole."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, *arguments: str, or_printed: bool = False) -> bytes:
        """Return what a subcommand prints; `or_printed`: also of one that fails."""
        if self._turn.locked():
            text = "checks or a report are being made already; ask again later"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", text)
        printed: list[bytes] = []
        try:
            async with self._turn, aclosing(run_program(*arguments)) as lines:
                async for line in lines:
                    printed.append(line)
        except EmotiondError:
            if not printed or not or_printed:
                raise
        return b"".join(printed)


async def run_program(*arguments: str, timeout_s: float = RUN_S) -> AsyncGenerator[bytes, None]:
    """Run `emotiond` with arguments; yield each line that it prints.

    It is ended with the iterator. An EmotiondError says why it failed, in its own words.
    """
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=MAX_LINE_BYTES,
            start_new_session=True,  # Ctrl-C is for the daemon, which ends it
        )
        assert process.stdout is not None
        try:
            _make_way(process.pid)
            async with asyncio.timeout(timeout_s):
                async for line in process.stdout:
                    yield line
                await process.wait()
        except TimeoutError:
            raise EmotiondError(f"it took longer than {timeout_s:.0f} s, and was ended") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            said = said.removeprefix("emotiond: ")
            raise EmotiondError(said or "the process that did it was ended; is memory short?")


def _make_way(pid: int) -> None:
    """Give a process the lowest priority; where memory is short, it is the first to go."""
    with suppress(OSError):  # what a sandbox does not allow
        os.setpriority(os.PRIO_PROCESS, pid, 19)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000", encoding="ascii")


@dataclass(slots=True)
class Video:
    """An uploaded video and what became of it; `total` frames are as its header says."""

    name: str
    folder: Path
    state: str = "waiting"
    frames: int = 0
    total: int = 0
    error: str | None = None
    task: asyncio.Task[None] | None = None

    @property
    def results(self) -> list[str]:
        """Names of the files that there are."""
        return [name for name in RESULTS if self.state == "done" and (self.folder / name).is_file()]


class Videos:
    """Uploaded videos and their results, in the state folder, for an hour at most (retention)."""

    def __init__(self, context: ViewContext) -> None:
        self._context = context
        self._videos: dict[str, Video] = {}
        self._turn = asyncio.Lock()
        self.routes = [
            Route("/api/videos", self._list, methods=["GET", "POST"]),
            Route("/api/videos/{video}", self._delete, methods=["DELETE"]),
            Route("/api/videos/{video}/{file}", self._file),
        ]

    async def close(self) -> None:
        """Delete every video."""
        for key in list(self._videos):
            await self._discard(key)

    async def _list(self, request: Request) -> Response:
        """Return each video, without those that retention has deleted; or take one."""
        if request.method == "POST":
            return await self._add(request)
        self._videos = {key: one for key, one in self._videos.items() if one.folder.is_dir()}
        told = ("name", "state", "frames", "total", "error")
        listed = [
            {**{name: getattr(one, name) for name in told}, "id": key, "files": one.results}
            for key, one in self._videos.items()
        ]
        return JSONResponse({"videos": listed})

    async def _add(self, request: Request) -> Response:
        """Take a video, and have it analyzed; return its id."""
        if len(self._videos) >= MAX_VIDEOS:
            text = f"{MAX_VIDEOS} videos are kept already; delete one"
            raise ApiError(HTTPStatus.CONFLICT, "failed", text)
        key, name = secrets.token_hex(8), request.query_params.get("name", "")[-100:] or "video"
        video = self._videos[key] = Video(name, self._context.state / UPLOADS / key)
        suffix = re.fullmatch(r"\.[a-z0-9]{1,5}", Path(name).suffix.lower())
        upload = video.folder / f"upload{suffix[0] if suffix else ''}"
        try:
            make_private_folder(video.folder)
            if shutil.disk_usage(video.folder).free < MIN_FREE_BYTES:
                raise OSError("too little space is free on the disk")
            with open(upload, "wb", opener=private_opener) as file:
                await receive_body(request, MAX_VIDEO_BYTES, file.write, UPLOAD_TIMEOUT_S)
            video.task = asyncio.create_task(self._analyze(video, upload))
        except OSError as error:
            text = f"the video cannot be kept: {error.strerror or error}"
            raise ApiError(HTTPStatus.INSUFFICIENT_STORAGE, "failed", text) from error
        finally:
            if video.task is None:
                await self._discard(key)
        return JSONResponse({"id": key})

    async def _delete(self, request: Request) -> Response:
        await self._discard(self._key_of(request))
        return JSONResponse({})

    async def _file(self, request: Request) -> Response:
        video, name = self._videos[self._key_of(request)], request.path_params["file"]
        if name not in video.results:
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown", "there is no such file (yet)")
        policy = REPORT_POLICY if name.endswith(".html") else None
        return FileResponse(video.folder / name, headers=policy)

    def _key_of(self, request: Request) -> str:
        key = str(request.path_params["video"])
        if key not in self._videos:
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown", "there is no such video (any more)")
        return key

    async def _discard(self, key: str) -> None:
        """End the analysis of a video, and delete all that there is of it."""
        video = self._videos.pop(key)
        if video.task is not None:
            video.task.cancel()
            await asyncio.wait([video.task])
        shutil.rmtree(video.folder, ignore_errors=True)

    async def _analyze(self, video: Video, upload: Path) -> None:
        copy, events, report = (video.folder / name for name in RESULTS)
        async with self._turn:
            video.state = "analyzing"
            command = ["video", f"--out={copy}", f"--events={events}", *self._context.options()]
            command += ["--progress", "--json", "--", str(upload)]
            try:
                async with aclosing(run_program(*command, timeout_s=ANALYSIS_TIMEOUT_S)) as lines:
                    async for line in lines:
                        told = msgspec.json.decode(line, type=dict[str, Any])
                        video.frames = told["frames"]
                        video.total = told.get("of", video.total)
                if events.stat().st_size:
                    command = ["report", f"--out={report}", f"--title={video.name}", str(events)]
                    async for _ in run_program(*command, timeout_s=ANALYSIS_TIMEOUT_S):
                        pass
            except EmotiondError as error:
                video.error = str(error).replace(str(upload), video.name)
            except OSError as error:
                video.error = f"{video.name}: {error.strerror}"
            with suppress(OSError):
                upload.unlink()
            video.state = "done" if copy.is_file() else "failed"
