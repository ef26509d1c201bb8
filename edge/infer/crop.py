"""Face crops: the part of a frame that a classifier sees."""

import math

import cv2
import numpy as np

from edge.detect import CropCalibration
from edge.detect.image_ops import resize, shrink_by_mean
from edge.geometry import Box, KeyPoints
from edge.types import GrayImage, Image

MAX_LEVEL_ROLL = 10.0
"""Degrees of tilt below which a crop is not turned: the classifiers were trained on faces tilted
as far, and turning those by their landmarks made accuracy worse (docs/quality.md)."""


def crop_face(
    image: Image, box: Box, points: KeyPoints | None, fit: CropCalibration, side: int
) -> GrayImage:
    """Return one face framed as in training, gray uint8 (side, side).

    Where there are landmarks, it is turned until the eyes are level.

    Args:
        image: the frame.
        box: what a detector found.
        points: landmarks that it found in it.
        fit: of that detector.
        side: of the crop, in pixels.
    """
    roll = points.roll if points else 0.0
    if abs(roll) < MAX_LEVEL_ROLL:
        return crop_gray(image, fit.square(box), side)
    square = fit.square(box, roll)
    # A larger square holds all of the tilted one; it is turned once it is small.
    spread = abs(math.cos(math.radians(roll))) + abs(math.sin(math.radians(roll)))
    around = Box.around(square.center, spread * square.width)
    return _rotate(crop_gray(image, around, max(side, round(spread * side))), roll, side)


def crop_gray(image: Image, square: Box, side: int) -> GrayImage:
    """Return the pixels in `square`, gray uint8 (side, side).

    Where the square reaches beyond the frame, the frame's edge is repeated.
    """
    height, width = image.shape[:2]
    left, top, length = round(square.x1), round(square.y1), _length(square.width, side)
    if min(left, top) >= 0 and left + length <= width and top + length <= height:
        part = image[top : top + length, left : left + length]
    else:
        columns = np.clip(np.arange(left, left + length), 0, width - 1)
        rows = np.clip(np.arange(top, top + length), 0, height - 1)
        part = image[rows[:, None], columns]
    gray = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    # Means keep a large face from aliasing; a small one is interpolated.
    if length > side:
        return shrink_by_mean(gray, (side, side))
    return resize(gray, side, side, cv2.INTER_LINEAR)


def _length(width: float, side: int) -> int:
    """Return the side of a square in whole pixels; of a large one such that it can be halved."""
    length = max(1, round(width))
    halvings = max(0, int(math.log2(length / side)))
    return length >> halvings << halvings


def _rotate(gray: GrayImage, roll: float, side: int) -> GrayImage:
    """Rotate a square by -`roll` degrees; return its middle, `side` pixels wide."""
    middle = (gray.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), roll, 1.0)
    matrix[:, 2] += (side - 1) / 2 - middle
    return np.asarray(cv2.warpAffine(gray, matrix, (side, side)), dtype=np.uint8)
