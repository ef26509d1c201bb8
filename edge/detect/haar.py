"""OpenCV's boosted cascade of Haar features (Viola and Jones 2001)."""

from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge.detect.detector import CropFit
from edge.errors import ConfigError
from edge.records import Box, Face, GreyImage, Image

CASCADES = cv2.data.haarcascades  # type: ignore[attr-defined]  # its stubs forgot it

CASCADE = "haarcascade_frontalface_alt2.xml"
"""The one of OpenCV's frontal cascades with fewest false faces for the faces it finds: on 601
pictures without a face and 385 faces of a tenth of the picture and more it drew 7 false faces and
found 144, `frontalface_default` 14 and 141, `frontalface_alt` 5 and 134, at 9.8, 12.9 and 16.1 ms
(2026-11-20, the default settings below, on a machine busy with a training)."""

CROP_FIT = CropFit(scale=1.03, right=0.0, down=0.0)
"""Medians over 733 training faces that it found of 1,000 (`emotiond-convert fit-crop`, 2026-11-20);
the fitted squares overlap the true ones by 0.81."""


class HaarSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="haar"
):
    """How thoroughly the cascade searches.

    Attributes:
        width: the frame is made this wide before it is searched, in pixels; never enlarged.
        scale_factor: step between the sizes searched; smaller is slower and finds more.
        min_neighbors: how many overlapping hits make a face; more means fewer false faces.
        min_size: smallest face, as a share of the frame's height.
    """

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
    crop_fit = CROP_FIT

    def __init__(self, settings: HaarSettings) -> None:
        self._settings = settings
        self._cascade = cv2.CascadeClassifier(CASCADES + CASCADE)
        if self._cascade.empty():
            raise ConfigError(f"OpenCV's installation has no {CASCADE}; reinstall opencv-python")

    def detect(self, image: Image) -> list[Face]:
        """Return the faces; their confidence is the score of the cascade's last stage."""
        grey, shrink = self._shrink(image)
        side = max(1, round(self._settings.min_size * grey.shape[0]))
        boxes, _, scores = self._cascade.detectMultiScale3(
            grey,
            scaleFactor=self._settings.scale_factor,
            minNeighbors=self._settings.min_neighbors,
            minSize=(side, side),
            outputRejectLevels=True,
        )
        corners = (np.array(boxes, dtype=float).reshape(-1, 4) / shrink).tolist()
        return [
            Face(Box(x, y, x + width, y + height), float(score))
            for (x, y, width, height), score in zip(corners, scores, strict=True)
        ]

    def _shrink(self, image: Image) -> tuple[GreyImage, float]:
        """Return the grey copy to search and its size relative to `image`.

        It is not equalised: docs/architecture.md has what that cost.
        """
        shrink = min(1.0, self._settings.width / image.shape[1])
        height, width = (max(1, round(shrink * length)) for length in image.shape[:2])
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.uint8), shrink
