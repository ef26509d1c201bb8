"""Haar detector: OpenCV's boosted cascade of Haar features (Viola and Jones 2001)."""

from collections.abc import Sequence
from typing import Annotated, Literal

import cv2
import msgspec
import numpy as np

from edge.detect.image_ops import shrink_to_width, to_gray
from edge.errors import ConfigError
from edge.geometry import Box, CropCalibration, Shift
from edge.types import Face, GrayImage, Image, KindSettings

ROI_SCALE = 2.0  # side of the square that is searched around a known face, in sides of the face
MAX_GROWTH = 1.5  # factor by which a face near a known one may be smaller or larger than it
CROP_FIT = CropCalibration(1.03, 0.0, 0.0)  # medians over 733 of 1,000 faces, IoU 0.81 (2026-11-20)


def cascade_file(name: str) -> str:
    """Return the path of one of OpenCV's frontal cascades."""
    folder = cv2.data.haarcascades  # type: ignore[attr-defined]  # its stubs forgot it
    return f"{folder}haarcascade_frontalface_{name}.xml"


class HaarSettings(KindSettings, frozen=True, tag="haar"):
    """Thoroughness of the cascade's search.

    Attributes:
        cascade: which of OpenCV's two; `alt2` finds fewest false faces.
        width: the frame is made this wide before it is searched, in pixels; never enlarged.
        scale_factor: step between the sizes searched; smaller is slower and finds more.
        min_neighbors: how many overlapping hits make a face; more means fewer false faces.
        min_size: smallest face, as a share of the frame's height.
    """

    # On 601 images without a face and 385 faces of a tenth of it and more, `alt2` finds 7 and
    # 144, `default` 14 and 141, at 9.8 and 12.9 ms (2026-11-20).
    cascade: Literal["alt2", "default"] = "alt2"
    width: Annotated[int, msgspec.Meta(ge=80, le=4096)] = 320
    scale_factor: Annotated[float, msgspec.Meta(ge=1.01, le=2.0)] = 1.2
    min_neighbors: Annotated[int, msgspec.Meta(ge=0, le=50)] = 3
    min_size: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.1

    def open(self) -> "Haar":
        """Load the cascade."""
        return Haar(self)


class Haar:
    """Detector that searches a small gray copy of each frame with a cascade."""

    name = "haar"
    searches_near = True
    crop_fit = CROP_FIT

    def __init__(self, settings: HaarSettings) -> None:
        self._settings = settings
        file = cascade_file(settings.cascade)
        self._cascade = cv2.CascadeClassifier(file)
        if self._cascade.empty():
            raise ConfigError(f"OpenCV has no {file}; reinstall opencv-python")

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces, only near known ones where there are any."""
        # The histogram is not equalized: docs/research/detectors.md has what that cost.
        small, scale = shrink_to_width(image, self._settings.width)
        gray = to_gray(small)
        min_side = self._settings.min_size * gray.shape[0]
        if not known:
            return self._search(gray, scale, Box(0, 0, *gray.shape[::-1]), min_side, 0)
        faces: list[Face] = []
        for box in known:  # only around each, and for faces about as large
            around = box.moved(Shift(0.0, 0.0, scale)).square(ROI_SCALE)
            side = around.width / ROI_SCALE
            smallest = max(min_side, side / MAX_GROWTH)
            faces += self._search(gray, scale, around, smallest, MAX_GROWTH * side)
        return faces

    def _search(
        self, gray: GrayImage, scale: float, roi: Box, min_side: float, max_side: float
    ) -> list[Face]:
        """Return the faces in one part of the gray copy; sides are in its pixels, 0 is no limit."""
        left, top = max(int(roi.x1), 0), max(int(roi.y1), 0)
        part = gray[top : int(roi.y2), left : int(roi.x2)]
        if part.size == 0:  # a face that left the image
            return []
        boxes, _, scores = self._cascade.detectMultiScale3(
            part,
            scaleFactor=self._settings.scale_factor,
            minNeighbors=self._settings.min_neighbors,
            minSize=(max(1, round(min_side)),) * 2,
            maxSize=(round(max_side),) * 2,
            outputRejectLevels=True,
        )
        places = (np.array(boxes, dtype=float).reshape(-1, 4) + np.array((left, top, 0, 0))) / scale
        pairs = zip(places.tolist(), scores, strict=True)
        return [Face(Box(x, y, x + w, y + h), float(score)) for (x, y, w, h), score in pairs]
