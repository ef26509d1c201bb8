"""The part of a frame a classifier sees."""

import math

import cv2
import numpy as np

from edge.detect import CropCalibration
from edge.detect.image_ops import average, scaled
from edge.geometry import Box, KeyPoints
from edge.types import GrayImage, Image

LEVEL = 10.0
"""Degrees of tilt below which a crop is not turned: the classifiers learnt from faces tilted as
far, and turning those by what key points say made them worse (docs/quality.md)."""


def crop_face(
    image: Image, box: Box, points: KeyPoints | None, fit: CropCalibration, side: int
) -> GrayImage:
    """Return one face as the classifier was trained to see it, grey and `side` x `side`.

    Where there are key points, it is turned until the eyes are level.

    Args:
        image: the frame.
        box: what a detector found.
        points: what it found in it.
        fit: of that detector.
        side: of the crop, in pixels.
    """
    roll = points.roll if points else 0.0
    if abs(roll) < LEVEL:
        return crop_grey(image, fit.square(box), side)
    square = fit.square(box, roll)
    # A larger square holds all of the tilted one; it is turned once it is small.
    spread = abs(math.cos(math.radians(roll))) + abs(math.sin(math.radians(roll)))
    around = Box.around(square.center, spread * square.width)
    return _turn(crop_grey(image, around, max(side, round(spread * side))), roll, side)


def crop_grey(image: Image, square: Box, side: int) -> GrayImage:
    """Return the pixels in `square`, grey and `side` x `side`.

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
    grey = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    # Averages keep a large face from aliasing; a small one is drawn smoothly.
    if length > side:
        return average(grey, (side, side))
    return scaled(grey, side, side, cv2.INTER_LINEAR)


def _length(width: float, side: int) -> int:
    """Return the pixels of a square's side; of a large one such that it can be halved."""
    length = max(1, round(width))
    halvings = max(0, int(math.log2(length / side)))
    return length >> halvings << halvings


def _turn(grey: GrayImage, roll: float, side: int) -> GrayImage:
    """Turn a square picture about its middle by -`roll` degrees; return its middle, `side` wide."""
    middle = (grey.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), roll, 1.0)
    matrix[:, 2] += (side - 1) / 2 - middle
    return np.asarray(cv2.warpAffine(grey, matrix, (side, side)), dtype=np.uint8)
