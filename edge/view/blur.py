"""Privacy blur: hides faces, or the whole image, in whatever is shown or leaves the process."""

import cv2
import numpy as np

from edge.geometry import Box
from edge.types import AnalyzedFrame, Image
from edge.view.settings import PrivacyBlur

MARGIN = 1.6
"""Side of the blurred square, in longer sides of the box: hair and chin tell who somebody is."""

BLOCKS = 6
"""Squares across a blurred face: too few to tell who it is."""

HIDDEN_GRAY = 32
"""Gray value (0-255) of an image that is hidden as a whole."""


def apply_privacy(frame: AnalyzedFrame, blur: PrivacyBlur) -> Image:
    """Return a copy of a frame's image, BGR uint8, with what `blur` says hidden.

    Whatever the detector took for a face is blurred, published or not; a face that it does not
    find is not.
    """
    source = frame.frame.image
    if blur is PrivacyBlur.FRAME:
        return np.full_like(source, HIDDEN_GRAY)
    image = source.copy()
    if blur is PrivacyBlur.FACES:
        tracked = frame.tracked
        for box in (*(track.box for track in tracked.tracks), *tracked.candidate_boxes):
            _pixelate(image, Box.around(box.center, MARGIN * max(box.width, box.height)))
    return image


def _pixelate(image: Image, box: Box) -> None:
    """Replace one part of an image by a few squares of its mean colors."""
    height, width = image.shape[:2]
    left, top = max(0, round(box.x1)), max(0, round(box.y1))
    right, bottom = min(width, round(box.x2)), min(height, round(box.y2))
    if left >= right or top >= bottom:
        return
    part = image[top:bottom, left:right]
    coarse = cv2.resize(part, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
    cv2.resize(coarse, part.shape[1::-1], dst=part, interpolation=cv2.INTER_NEAREST)
