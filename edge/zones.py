"""Regions of a frame: zones that faces are told to be in, and those that nobody may see."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np

from edge.geometry import Box
from edge.types import Frame, Image

Vertex = tuple[float, float]
Polygon = tuple[Vertex, ...]  # (x, y), shares of width and height, 0 to 1; the last joins the first
MAX_VERTICES = 100  # of a polygon: a hand draws ten, and each pair of edges is compared
MIN_AREA = 1e-4  # smallest area of a polygon as a share of the frame: 31 pixels of 640x480
EDGE_MARGIN = 0.25  # widths of its box outside before a face leaves: at an edge it would flap


def polygon_fault(polygon: Polygon) -> str | None:
    """Return what was expected of a polygon and not found; None where it can be used."""
    if not 3 <= len(polygon) <= MAX_VERTICES:
        return f"expected 3 to {MAX_VERTICES} points, found {len(polygon)}"
    for point in polygon:
        if not all(0.0 <= share <= 1.0 for share in point):  # not a number fails as well
            return f"expected shares of the frame, 0 to 1, found {list(point)}"
    edges = list(zip(polygon, (*polygon[1:], polygon[0]), strict=True))
    for (a, b), (c, d) in combinations(edges, 2):
        if _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0:
            crossing = f"{list(a)} to {list(b)} crosses {list(c)} to {list(d)}"
            return f"expected edges that do not cross, found that {crossing}"
    area = abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)) / 2
    return None if area >= MIN_AREA else "expected a polygon, found points on one line"


def black_out(frame: Frame, regions: Sequence[Polygon]) -> Frame:
    """Return a frame with a copy of its image in which regions are black; itself without any."""
    if not regions:
        return frame
    image = frame.image.copy()
    for region in regions:  # one by one: where two overlap, OpenCV would fill neither
        cv2.fillPoly(image, [np.rint(_pixels(region, image)).astype(np.int32)], (0, 0, 0))
    image.setflags(write=False)
    return replace(frame, image=image)


def zones_of(
    box: Box, image: Image, zones: Mapping[str, Polygon], before: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the zones, in order, that a face's center is in; `before`: left once well outside."""
    center = box.center.x, box.center.y
    return tuple(
        name
        for name, polygon in zones.items()
        if cv2.pointPolygonTest(_pixels(polygon, image), center, measureDist=True)
        >= (-EDGE_MARGIN * box.width if name in before else 0.0)
    )


def _pixels(polygon: Polygon, image: Image) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    height, width = image.shape[:2]
    return np.array(polygon, np.float32) * np.array((width, height), np.float32)


def _side(a: Vertex, b: Vertex, point: Vertex) -> float:
    """Return on which side of the line from a to b a point is: above 0, below 0, or 0 on it."""
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
