"""The small copies of a frame that are searched."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import GrayImage, Image


def shrink(image: Image, width: int, method: int = cv2.INTER_AREA) -> tuple[Image, float]:
    """Return a copy that is `width` pixels wide, and its size relative to `image`.

    A narrower picture is not enlarged.
    """
    scale = min(1.0, width / image.shape[1])
    height, across = (max(1, round(scale * length)) for length in image.shape[:2])
    return scaled(image, across, height, method), scale


def scaled(
    image: Image, width: int, height: int, method: int, into: Image | None = None
) -> NDArray[np.uint8]:
    """Return a picture in another size, drawn over `into` where that is given.

    Halved, a bilinear step and an average give the same values; OpenCV has a kernel for the average
    that takes a Raspberry Pi 4 a fourteenth of the instructions (2026-11-20).
    """
    if image.shape[:2] == (2 * height, 2 * width) and method == cv2.INTER_LINEAR:
        method = cv2.INTER_AREA
    small = cv2.resize(image, (width, height), dst=into, interpolation=method)
    return np.asarray(small, dtype=np.uint8)


def halved(grey: GrayImage) -> GrayImage:
    """Return a picture half as large, each pixel the mean of four; an odd row or column is lost."""
    height, width = (length // 2 for length in grey.shape)
    return scaled(grey[: 2 * height, : 2 * width], width, height, cv2.INTER_AREA)


def average(grey: GrayImage, size: tuple[int, int]) -> GrayImage:
    """Return a picture made smaller, each pixel the mean of those it covers.

    It is halved as long as that goes: OpenCV averages two by two pixels ten times as fast as any
    other number. Values differ by one grey level at most from those of a single step.

    Args:
        grey: at least as large as `size`.
        size: width and height wanted.
    """
    width, height = size
    while (
        grey.shape[0] >= 2 * height
        and grey.shape[1] >= 2 * width
        and not any(length % 2 for length in grey.shape)
    ):
        grey = halved(grey)
    return scaled(grey, width, height, cv2.INTER_AREA)


def grey(image: Image) -> GrayImage:
    """Return a picture without its colours."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
