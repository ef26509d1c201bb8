"""Videos that were uploaded: kept for a while, and analyzed one after another."""

import asyncio
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request

from edge.errors import EmotiondError
from edge.paths import UPLOADS, make_private_folder, private_opener
from edge.view import ViewContext
from edge.view.web.api import ApiError, receive_body
from edge.view.web.programs import run_program

MAX_VIDEOS = 8  # that are kept at a time
MAX_VIDEO_BYTES = 300_000_000  # bytes of an upload: some minutes from a phone
UPLOAD_TIMEOUT_S = 900.0  # seconds within which it must have come
ANALYSIS_TIMEOUT_S = 3600.0  # seconds after which an analysis is ended
MIN_FREE_BYTES = 1_000_000_000  # bytes that must be free on the disk beside an upload
RESULTS = ("annotated.mp4", "events.jsonl", "report.html")


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
    def results(self) -> Iterator[str]:
        """Names of the files that there are."""
        done = self.state == "done"
        return (name for name in RESULTS if done and (self.folder / name).is_file())


class Videos:
    """Uploaded videos and their results, in the state folder, for an hour at most (retention)."""

    def __init__(self, context: ViewContext) -> None:
        self._context = context
        self._videos: dict[str, Video] = {}
        self._turn = asyncio.Lock()

    def listed(self) -> list[dict[str, Any]]:
        """Return each as plain values, without those that retention has deleted."""
        gone = [key for key, video in self._videos.items() if not video.folder.is_dir()]
        for key in gone:
            del self._videos[key]
        return [
            {
                **{name: getattr(video, name) for name in ("name", "state", "frames", "total")},
                "id": key,
                "error": video.error,
                "files": list(video.results),
            }
            for key, video in self._videos.items()
        ]

    async def add(self, request: Request, name: str) -> str:
        """Take a video from the body of a request, and have it analyzed; return its id."""
        if len(self.listed()) >= MAX_VIDEOS:
            text = f"{MAX_VIDEOS} videos are kept already; delete one"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", text)
        key = secrets.token_hex(8)
        video = Video(name[-100:] or "video", self._context.state / UPLOADS / key)
        suffix = re.fullmatch(r"\.[a-z0-9]{1,5}", Path(video.name).suffix.lower())
        upload = video.folder / f"upload{suffix[0] if suffix else ''}"
        try:
            make_private_folder(video.folder)
            if shutil.disk_usage(video.folder).free < MIN_FREE_BYTES + MAX_VIDEO_BYTES:
                raise OSError("too little space is free on the disk")
            self._videos[key] = video
            with open(upload, "wb", opener=private_opener) as file:
                await receive_body(request, MAX_VIDEO_BYTES, file.write, UPLOAD_TIMEOUT_S)
        except OSError as error:
            await self.delete(key)
            text = f"the video cannot be kept: {error.strerror or error}"
            raise ApiError(HTTPStatus.INSUFFICIENT_STORAGE, "failed", text) from error
        except BaseException:
            await self.delete(key)
            raise
        video.task = asyncio.create_task(self._analyze(video, upload))
        return key

    async def delete(self, key: str) -> None:
        """End the analysis of a video, and delete all that there is of it."""
        video = self.find(key)
        del self._videos[key]
        if video.task is not None:
            video.task.cancel()
            await asyncio.wait([video.task])
        shutil.rmtree(video.folder, ignore_errors=True)

    async def close(self) -> None:
        """Delete every video."""
        for key in list(self._videos):
            await self.delete(key)

    def find(self, key: str) -> Video:
        """Return a video; an ApiError tells that there is none."""
        if key not in self._videos:
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown", "there is no such video (any more)")
        return self._videos[key]

    async def _analyze(self, video: Video, upload: Path) -> None:
        copy, events, report = (video.folder / name for name in RESULTS)
        async with self._turn:
            video.state = "analyzing"
            options = [*self._context.options(), "--progress", "--json"]
            command = ["video", f"--out={copy}", f"--events={events}", *options, "--", str(upload)]
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
