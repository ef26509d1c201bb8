"""Boxes of faces, brought into their picture, and the photograph made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter.detector.annotations.place import MEND, Place
from converter.detector.annotations.size import Size
from converter.detector.photographs import Photograph, Split
from edge.geometry import Box


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A face, or with `ignored` what is neither face nor background."""

    box: Box
    ignored: bool


def clip(box: Box, size: Size) -> Box | None:
    """Return the part of a box that is in the picture, exact in float32; None where there is none.

    Annotators follow a face beyond the edge that cuts it; a detector cannot.
    """
    limits = (size.width, size.height, size.width, size.height)
    edges = [min(max(edge, 0.0), limit) for edge, limit in zip(box.edges, limits, strict=True)]
    inside = Box(*np.array(edges, dtype=np.float32).tolist())
    return inside if inside.width > 0 and inside.height > 0 else None


def in_picture(box: Box, size: Size, place: Place) -> Box:
    """Return the part of a box that is in the picture.

    Raises:
        DataError: the box has no area, or lies wholly outside.
    """
    if box.width <= 0 or box.height <= 0:
        found = f"{box.width:g}x{box.height:g}"
        raise place.error(f"expected a box of a size above 0, found {found}; {MEND}")
    inside = clip(box, size)
    if inside is None:
        found = "({:g}, {:g}) to ({:g}, {:g})".format(*box.edges)
        raise place.error(f"expected a box in the picture of {size}, found {found}; {MEND}")
    return inside


def photograph(
    path: Path, size: Size, faces: Sequence[FaceBox], source: str, split: Split
) -> Photograph:
    """Return the record of one picture and its faces."""
    edges = [face.box.edges for face in faces]
    return Photograph(
        path,
        size.width,
        size.height,
        boxes=np.array(edges, dtype=np.float32).reshape(-1, 4),
        ignored=np.array([face.ignored for face in faces], dtype=np.bool_),
        source=source,
        split=split,
    )
