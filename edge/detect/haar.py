"""OpenCV's boosted cascade of Haar features (Viola and Jones 2001)."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge.detect.image_ops import grey, shrink
from edge.errors import ConfigError
from edge.geometry import Box, CropCalibration, Shift
from edge.types import Face, GrayImage, Image

CASCADES = cv2.data.haarcascades  # type: ignore[attr-defined]  # its stubs forgot it


class Cascade(StrEnum):
    """OpenCV's frontal cascades.

    `alt2` draws fewest false faces for the faces it finds: on 601 pictures without a face and 385
    faces of a tenth of the picture and more it drew 7 false faces and found 144, `default` 14 and
    141, at 9.8 and 12.9 ms (2026-11-20, the default settings below, on a machine busy with a
    training).
    """

    ALT2 = "alt2"
    DEFAULT = "default"

    @property
    def file(self) -> Path:
        """Where OpenCV's installation keeps it."""
        return Path(CASCADES, f"haarcascade_frontalface_{self.value}.xml")


AROUND = 2.0
"""Near a known face, a square of so many of its sides is searched."""

GROWTH = 1.5
"""Near a known face, faces up to so much smaller or larger are searched for."""

CROP_FIT = CropCalibration(scale=1.03, right=0.0, down=0.0)
"""Medians over 733 training faces that it found of 1,000 (`emotiond-convert fit-crop`, 2026-11-20);
the fitted squares overlap the true ones by 0.81."""


class HaarSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="haar"
):
    """How thoroughly the cascade searches.

    Attributes:
        cascade: which of OpenCV's two.
        width: the frame is made this wide before it is searched, in pixels; never enlarged.
        scale_factor: step between the sizes searched; smaller is slower and finds more.
        min_neighbors: how many overlapping hits make a face; more means fewer false faces.
        min_size: smallest face, as a share of the frame's height.
    """

    cascade: Cascade = Cascade.ALT2
    width: Annotated[int, msgspec.Meta(ge=80, le=4096)] = 320
    scale_factor: Annotated[float, msgspec.Meta(ge=1.01, le=2.0)] = 1.2
    min_neighbors: Annotated[int, msgspec.Meta(ge=0, le=50)] = 3
    min_size: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.1


class Haar:
    """Searches a small grey copy of each frame.

    Raises:
        ConfigError: OpenCV's installation lacks the cascade.
    """

    name = "haar"
    searches_near = True
    crop_fit = CROP_FIT

    def __init__(self, settings: HaarSettings) -> None:
        self._settings = settings
        self._cascade = cv2.CascadeClassifier(str(settings.cascade.file))
        if self._cascade.empty():
            raise ConfigError(
                f"OpenCV's installation has no {settings.cascade.file}; reinstall opencv-python"
            )

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces, near known ones alone; a confidence is the score of the last stage."""
        # It is not equalised: docs/architecture.md has what that cost.
        small, scale = shrink(image, self._settings.width)
        picture = grey(small)
        smallest = self._settings.min_size * picture.shape[0]
        if not known:
            return list(self._search(picture, scale, Box(0, 0, *picture.shape[::-1]), smallest, 0))
        return [face for box in known for face in self._search_near(picture, scale, box, smallest)]

    def _search_near(
        self, picture: GrayImage, scale: float, box: Box, smallest: float
    ) -> Iterator[Face]:
        """Yield the faces around one that is known, about as large as it."""
        small = box.moved(Shift(0.0, 0.0, scale))
        side = max(small.width, small.height)
        around = Box.around(small.center, AROUND * side)
        place = Box(max(around.x1, 0), max(around.y1, 0), around.x2, around.y2)
        return self._search(picture, scale, place, max(smallest, side / GROWTH), GROWTH * side)

    def _search(
        self, picture: GrayImage, scale: float, place: Box, smallest: float, largest: float
    ) -> Iterator[Face]:
        """Yield the faces in one part of the grey copy, of sizes in its pixels; 0 is no limit."""
        left, top = int(place.x1), int(place.y1)
        part = picture[top : int(place.y2), left : int(place.x2)]
        if part.size == 0:  # a face that left the picture
            return
        least, most = max(1, round(smallest)), round(largest)
        boxes, _, scores = self._cascade.detectMultiScale3(
            part,
            scaleFactor=self._settings.scale_factor,
            minNeighbors=self._settings.min_neighbors,
            minSize=(least, least),
            maxSize=(most, most),
            outputRejectLevels=True,
        )
        corners = np.array(boxes, dtype=float).reshape(-1, 4) + np.array([left, top, 0, 0])
        for (x, y, width, height), score in zip((corners / scale).tolist(), scores, strict=True):
            yield Face(Box(x, y, x + width, y + height), float(score))
