"""The part of a frame a classifier sees."""

import math

import cv2
import numpy as np

from edge.detect import CropFit
from edge.geometry import Box, KeyPoints
from edge.records import GreyImage, Image

LEVEL = 10.0
"""Degrees of tilt below which a crop is not turned: the classifiers learnt from faces tilted as
far, and turning those by what key points say made them worse (docs/quality.md)."""


def crop_face(
    image: Image, box: Box, points: KeyPoints | None, fit: CropFit, side: int
) -> GreyImage:
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


def crop_grey(image: Image, square: Box, side: int) -> GreyImage:
    """Return the pixels in `square`, grey and `side` x `side`.

    Where the square reaches beyond the frame, the frame's edge is repeated.
    """
    height, width = image.shape[:2]
    left, top, length = round(square.x1), round(square.y1), max(1, round(square.width))
    if min(left, top) >= 0 and left + length <= width and top + length <= height:
        part = image[top : top + length, left : left + length]
    else:
        columns = np.clip(np.arange(left, left + length), 0, width - 1)
        rows = np.clip(np.arange(top, top + length), 0, height - 1)
        part = image[rows[:, None], columns]
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    # Area averaging keeps a large face from aliasing; a small one is drawn smoothly.
    method = cv2.INTER_AREA if grey.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (side, side), interpolation=method), dtype=np.uint8)


def _turn(grey: GreyImage, roll: float, side: int) -> GreyImage:
    """Turn a square picture about its middle by -`roll` degrees; return its middle, `side` wide."""
    middle = (grey.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), roll, 1.0)
    matrix[:, 2] += (side - 1) / 2 - middle
    return np.asarray(cv2.warpAffine(grey, matrix, (side, side)), dtype=np.uint8)
