"""Images that are given to be analyzed, faces kept for training, and snapshots of events."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import cv2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.infer.crop import FaceFolder
from edge.service.commands import CommandError, ErrorCode
from edge.types import EXPRESSIONS, DaemonStatus
from edge.view import PrivacyBlur, ViewContext
from edge.view.annotate import annotate
from edge.view.snapshots import FILE_NAME, SNAPSHOTS, describe_snapshot, snapshot_sizes
from edge.view.web import languages
from edge.view.web.api import NO_IMAGE, ApiError, decode_upload, read_body, read_json

MAX_UPLOAD_BYTES = 10_000_000  # bytes of an uploaded file: what a good camera makes of one image
MAX_QUEUED_UPLOADS = 4  # images that may wait while one is analyzed
MAX_LABEL_BYTES = 1000  # bytes of a request for a face
MAX_LISTED = 100  # snapshots that one answer lists; `before` asks for older ones


class Images:
    """Analyzes images one at a time; `status` tells what with, `faces` is the folder of faces."""

    def __init__(
        self, context: ViewContext, status: Callable[[], DaemonStatus], faces: Path | None
    ) -> None:
        self._context, self._status, self._faces = context, status, faces
        self._uploads, self._turn = 0, asyncio.Lock()
        self.routes = [
            Route("/api/analyse", self._analyze, methods=["POST"]),
            Route("/api/faces", self._count_faces, methods=["GET", "POST"]),
        ]

    async def _analyze(self, request: Request) -> Response:
        """Return the faces of an uploaded image, or the image with them."""
        if self._uploads > MAX_QUEUED_UPLOADS:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many images wait")
        self._uploads += 1
        try:
            data = await read_body(request, MAX_UPLOAD_BYTES)
            async with self._turn:
                frame = await asyncio.to_thread(lambda: self._context.analyze(decode_upload(data)))
        finally:
            self._uploads -= 1
        if "image/jpeg" in request.headers.get("accept", ""):
            words = languages().get(request.query_params.get("lang", ""), {})
            image = annotate(frame, self._context.blur, words)
            return Response(cv2.imencode(".jpg", image)[1].tobytes(), media_type="image/jpeg")
        width, height = frame.frame.size
        status, faces = self._status(), [face.to_dict() for face in frame.expressions]
        used = {"model": status.model, "detector": status.detector}
        return JSONResponse({"width": width, "height": height, **used, "faces": faces})

    async def _count_faces(self, request: Request) -> Response:
        """Return how many labeled faces there are, once one more was written if that is asked."""
        folder = self._faces
        if folder is None:
            text = "expected a folder as `web.faces` in the config, found none"
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown", text)
        written = await self._add_face(request, folder) if request.method == "POST" else 0
        counts = {label: len(list((folder / label).glob("*.png"))) for label in EXPRESSIONS}
        return JSONResponse({"folder": str(folder), "counts": counts, "written": written})

    async def _add_face(self, request: Request, folder: Path) -> int:
        """Write the largest face in view as one of a label; return 0 where there is none."""
        label = (await read_json(request, dict[str, str], MAX_LABEL_BYTES)).get("label", "")
        if label not in EXPRESSIONS:
            text = f"expected `label` to be one of {', '.join(EXPRESSIONS)}"
            raise CommandError(ErrorCode.MALFORMED, text)
        if self._context.blur is not PrivacyBlur.NONE:
            text = "expected `privacy.blur: none` in the config: faces are to be hidden"
            raise CommandError(ErrorCode.REFUSED, text)
        frame = self._context.latest.newest
        if frame is None:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "failed", NO_IMAGE)
        image = frame.frame.image

        def write() -> int:
            crop = self._context.crop(image)
            if crop is not None:
                FaceFolder(folder / label, self._context.note_image).add(crop)
            return int(crop is not None)

        async with self._turn:  # detection and disk are too slow for the thread of the requests
            return await asyncio.to_thread(write)


class StoredSnapshots:
    """Lists, shows and deletes the stored snapshots of one camera."""

    def __init__(self, context: ViewContext) -> None:
        self._folder = context.state / SNAPSHOTS / context.camera
        self.routes = [
            Route(path, self._answer, methods=["GET", "DELETE"])
            for path in ("/api/snapshots", "/api/snapshots/{name}")
        ]

    async def _answer(self, request: Request) -> Response:
        """List all, show one, or delete one or all."""
        name = request.path_params.get("name", "")
        try:
            if name and FILE_NAME.fullmatch(name) is None:
                raise FileNotFoundError
            if request.method == "DELETE":
                return JSONResponse({"deleted": await asyncio.to_thread(self._delete, name)})
            if name:
                jpeg = await asyncio.to_thread((self._folder / name).read_bytes)
                return Response(jpeg, media_type="image/jpeg")
        except FileNotFoundError as error:
            text = f"expected the name of a snapshot in /api/snapshots, found {name[:80]!r}"
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown", text) from error
        except OSError as error:
            raise ApiError(HTTPStatus.CONFLICT, "failed", str(error)) from error
        before = request.query_params.get("before", "~")
        return JSONResponse(await asyncio.to_thread(self._describe, before))

    def _describe(self, before: str) -> dict[str, Any]:
        sizes = snapshot_sizes(self._folder)
        older = [path for path in reversed(sizes) if path.name < before]
        shown = [{**describe_snapshot(one.name), "bytes": sizes[one]} for one in older[:MAX_LISTED]]
        return {"count": len(sizes), "bytes": sum(sizes.values()), "snapshots": shown}

    def _delete(self, name: str) -> int:
        """Delete the snapshot of that name, or, without one, all; return how many."""
        paths = [self._folder / name] if name else list(snapshot_sizes(self._folder))
        for path in paths:
            path.unlink(missing_ok=not name)
        return len(paths)
