"""The small copies of a frame that are searched."""

import cv2
import numpy as np

from edge.records import GreyImage, Image


def shrink(image: Image, width: int, method: int = cv2.INTER_AREA) -> tuple[Image, float]:
    """Return a copy that is `width` pixels wide, and its size relative to `image`.

    A narrower picture is not enlarged.
    """
    scale = min(1.0, width / image.shape[1])
    height, across = (max(1, round(scale * length)) for length in image.shape[:2])
    small = cv2.resize(image, (across, height), interpolation=method)
    return np.asarray(small, dtype=np.uint8), scale


def grey(image: Image) -> GreyImage:
    """Return a picture without its colours."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
