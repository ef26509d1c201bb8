"""Routes of the stored snapshots of one camera: their list, each of them, and their end."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.view.snapshots import FILE_NAME, describe_snapshot, snapshot_sizes
from edge.view.web.api import ApiError

MAX_LISTED = 100
"""Snapshots that one answer lists; `before` asks for older ones."""


class StoredSnapshots:
    """Lists, shows and deletes the snapshots in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.routes = [
            Route(path, self._answer, methods=["GET", "DELETE"])
            for path in ("/api/snapshots", "/api/snapshots/{name}")
        ]

    async def _answer(self, request: Request) -> Response:
        """List all, show one, or delete one or all."""
        if request.method == "DELETE":
            deleted = await asyncio.to_thread(_delete, self._named(request))
            return JSONResponse({"deleted": deleted})
        if "name" in request.path_params:
            return await self._show(request)
        before = request.query_params.get("before", "~")
        return JSONResponse(await asyncio.to_thread(self._describe, before))

    def _describe(self, before: str) -> dict[str, Any]:
        sizes = snapshot_sizes(self._folder)
        older = [path for path in reversed(sizes) if path.name < before]
        shown = [
            {**describe_snapshot(path.name), "bytes": sizes[path]} for path in older[:MAX_LISTED]
        ]
        return {"count": len(sizes), "bytes": sum(sizes.values()), "snapshots": shown}

    async def _show(self, request: Request) -> Response:
        (path,) = self._named(request)
        try:
            jpeg = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise _missing(path.name) from error
        return Response(jpeg, media_type="image/jpeg")

    def _named(self, request: Request) -> list[Path]:
        """Return the snapshot that a path names, or all."""
        name = request.path_params.get("name")
        if name is None:
            return list(snapshot_sizes(self._folder))
        if FILE_NAME.fullmatch(name) is None:
            raise _missing(name)
        return [self._folder / name]


def _delete(paths: list[Path]) -> int:
    for path in paths:
        try:
            path.unlink()
        except FileNotFoundError as error:
            if len(paths) == 1:
                raise _missing(path.name) from error
        except OSError as error:
            text = f"{path.name} cannot be deleted: {error.strerror}"
            raise ApiError(HTTPStatus.CONFLICT, "failed", text) from error
    return len(paths)


def _missing(name: str) -> ApiError:
    text = f"expected the name of a snapshot in /api/snapshots, found {name[:80]!r}"
    return ApiError(HTTPStatus.NOT_FOUND, "unknown", text)
