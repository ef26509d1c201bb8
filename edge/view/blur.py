"""Hides in a picture what nobody should see."""

import cv2
import numpy as np

from edge.geometry import Box
from edge.types import AnalyzedFrame, Image
from edge.view.settings import PrivacyBlur

MARGIN = 1.6
"""Side of what is blurred, in sides of the box: hair and chin tell who somebody is."""

BLOCKS = 6
"""Squares across a blurred face: too few to tell who it is."""

GROUND = 32
"""Grey value of what takes a whole picture's place."""


def apply_privacy(scene: AnalyzedFrame, blur: PrivacyBlur) -> Image:
    """Return a picture of one's own of `scene`, BGR uint8, with what `blur` says hidden.

    Blurred is whatever the detector took for a face, told of or not; a face that it does not find
    is not.
    """
    image = scene.frame.image
    if blur is PrivacyBlur.PICTURE:
        return np.full_like(image, GROUND)
    picture = image.copy()
    if blur is PrivacyBlur.FACES:
        for box in (*(track.box for track in scene.tracked.tracks), *scene.tracked.candidate_boxes):
            _blur(picture, Box.around(box.center, MARGIN * max(box.width, box.height)))
    return picture


def _blur(picture: Image, box: Box) -> None:
    """Make coarse squares of one part of a picture."""
    height, width = picture.shape[:2]
    left, top = max(0, round(box.x1)), max(0, round(box.y1))
    right, bottom = min(width, round(box.x2)), min(height, round(box.y2))
    if left >= right or top >= bottom:
        return
    part = picture[top:bottom, left:right]
    coarse = cv2.resize(part, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
    cv2.resize(coarse, part.shape[1::-1], dst=part, interpolation=cv2.INTER_NEAREST)
