"""How everything is, as the page and programs see it."""

from typing import Any

from edge import __version__
from edge.label_colors import color_for
from edge.publish.payload import plain_face, plain_stats, utc
from edge.service.commands import CommandQueue
from edge.types import UNCERTAIN, DaemonStatus, Stats
from edge.view.view_context import ViewContext


def describe_state(
    outlook: ViewContext, desk: CommandQueue, status: DaemonStatus | None, stats: Stats | None
) -> dict[str, Any]:
    """Return how everything is set and fares, as plain values."""
    labels = status.labels if status else ()
    until = status.paused_until if status else None
    return {
        "version": __version__,
        "camera": status.camera.value if status else None,
        "paused_until": utc(until) if until else None,
        "model": status.model if status else None,
        "detector": status.detector if status else None,
        "models": sorted(outlook.catalog.models),
        "detectors": list(outlook.catalog.detectors),
        "labels": list(labels),
        "colours": {label: color_for(label) for label in (*labels, UNCERTAIN)},
        "blur": outlook.blur.value,
        "stats": plain_stats(stats) if stats else None,
    }


def describe_faces(outlook: ViewContext) -> dict[str, Any]:
    """Return the faces of this moment, as plain values; of no scene there are none."""
    scene = outlook.showcase.newest
    if scene is None:
        return {"time": None, "fps": 0.0, "frame": None, "faces": []}
    width, height = scene.frame.size
    return {
        "time": utc(scene.time),
        "fps": round(outlook.showcase.fps, 1),
        "frame": {"width": width, "height": height},
        "faces": [plain_face(face) for face in scene.expressions],
    }
