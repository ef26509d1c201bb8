"""The part of a frame a classifier sees."""

import cv2
import numpy as np

from edge.records import Box, GreyImage, Image


def crop_grey(image: Image, square: Box, side: int) -> GreyImage:
    """Return the pixels in `square`, grey and `side` x `side`.

    Where the square reaches beyond the frame, the frame's edge is repeated.
    """
    left, top, right, bottom = (
        round(edge) for edge in (square.x1, square.y1, square.x2, square.y2)
    )
    height, width = image.shape[:2]
    part = image[
        max(top, 0) : max(min(bottom, height), 1), max(left, 0) : max(min(right, width), 1)
    ]
    beyond = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    if any(beyond):
        part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_REPLICATE), np.uint8)
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    # Area averaging keeps a large face from aliasing; a small one is drawn smoothly.
    method = cv2.INTER_AREA if grey.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (side, side), interpolation=method), dtype=np.uint8)
