"""Orientation, region and rate of the frames of a source, as its settings have them."""

from dataclasses import replace
from typing import Annotated, Literal

import cv2
import msgspec
import numpy as np

from edge.types import Frame, Image, KindSettings

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]

ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
FLIPS = {"vertical": 0, "horizontal": 1, "both": -1}  # codes of cv2.flip

WHOLE: tuple[Share, Share, Share, Share] = (0.0, 0.0, 1.0, 1.0)


class OrientedSettings(KindSettings, frozen=True, kw_only=True):
    """Settings of orientation, region and rate, applied to each frame before it is searched.

    Attributes:
        rotation: degrees clockwise by which the image is rotated.
        flip: how it is mirrored after that; `both` is half a turn.
        crop: left, top, right and bottom of the part that is kept, as shares of the rotated image.
        max_fps: frames a second at most; null takes all.
    """

    rotation: Literal[0, 90, 180, 270] = 0
    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    crop: tuple[Share, Share, Share, Share] = WHOLE
    max_fps: Annotated[float, msgspec.Meta(gt=0.0, le=240.0)] | None = None

    def __post_init__(self) -> None:
        left, top, right, bottom = self.crop
        if left >= right or top >= bottom:
            raise ValueError("Expected `crop` as [left, top, right, bottom]")

    @property
    def min_interval_s(self) -> float:
        """Seconds between two frames at least."""
        return 1 / self.max_fps if self.max_fps else 0.0

    def oriented(self, frame: Frame) -> Frame:
        """Return a frame as it is shown and searched; boxes are in its pixels."""
        image = orient(frame.image, self)
        return frame if image is frame.image else replace(frame, image=image)


def orient(image: Image, settings: OrientedSettings) -> Image:
    """Return an image rotated, flipped and cropped, read-only; the same where nothing is asked."""
    result = image
    if settings.rotation:
        result = np.asarray(cv2.rotate(result, ROTATIONS[settings.rotation]), np.uint8)
    if settings.flip != "none":
        result = np.asarray(cv2.flip(result, FLIPS[settings.flip]), np.uint8)
    if settings.crop != WHOLE:
        height, width = result.shape[:2]
        left, right = (round(share * width) for share in settings.crop[::2])
        top, bottom = (round(share * height) for share in settings.crop[1::2])
        part = result[top : max(bottom, top + 1), left : max(right, left + 1)]
        result = np.ascontiguousarray(part)
    if result is not image:
        result.flags.writeable = False
    return result
