"""Image operations: resized and gray copies of a frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import GrayImage, Image


def shrink_to_width(
    image: Image, width: int, interpolation: int = cv2.INTER_AREA
) -> tuple[Image, float]:
    """Return a copy `width` pixels wide, never enlarged, and its size relative to `image`."""
    scale = min(1.0, width / image.shape[1])
    down, across = (max(1, round(scale * length)) for length in image.shape[:2])
    return resize(image, across, down, interpolation), scale


def resize(
    image: Image, width: int, height: int, interpolation: int, into: Image | None = None
) -> NDArray[np.uint8]:
    """Return an image in another size, written to `into` where that is given.

    For half the size, bilinear interpolation and the mean give the same values; OpenCV has a kernel
    for the mean that takes a Raspberry Pi 4 a fourteenth of the instructions (2026-11-20).
    """
    if image.shape[:2] == (2 * height, 2 * width) and interpolation == cv2.INTER_LINEAR:
        interpolation = cv2.INTER_AREA
    small = cv2.resize(image, (width, height), dst=into, interpolation=interpolation)
    return np.asarray(small, dtype=np.uint8)


def halve(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return half the size, each pixel the mean of four; an odd row or column is left out."""
    height, width = (length // 2 for length in image.shape[:2])
    return resize(image[: 2 * height, : 2 * width], width, height, cv2.INTER_AREA)


def shrink_by_mean(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image as small as `size`, (width, height), each pixel the mean of those it covers.

    It is halved for as long as possible: OpenCV averages two by two pixels ten times as fast as any
    other number. Values differ by one gray level at most from those of a single step.
    """
    width, height = size
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
        if image.shape[0] % 2 or image.shape[1] % 2:
            break
        image = halve(image)
    return resize(image, width, height, cv2.INTER_AREA)


def to_gray(image: Image) -> GrayImage:
    """Return a BGR image without its colors."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
