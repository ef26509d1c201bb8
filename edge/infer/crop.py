"""The part of a frame a classifier sees."""

import cv2
import numpy as np

from edge.records import Box, GreyImage, Image


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
