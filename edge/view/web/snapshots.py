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

MAX_LISTED = 100  # snapshots that one answer lists; `before` asks for older ones


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
        shown = [
            {**describe_snapshot(path.name), "bytes": sizes[path]} for path in older[:MAX_LISTED]
        ]
        return {"count": len(sizes), "bytes": sum(sizes.values()), "snapshots": shown}

    def _delete(self, name: str) -> int:
        """Delete the snapshot of that name, or, without one, all; return how many."""
        paths = [self._folder / name] if name else list(snapshot_sizes(self._folder))
        for path in paths:
            path.unlink(missing_ok=not name)
        return len(paths)
