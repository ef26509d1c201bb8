"""The contract of every detector."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.geometry import Box, Point
from edge.records import Face, Image


@dataclass(frozen=True, slots=True)
class CropFit:
    """Turns a detector's boxes into the framing of FER2013's pictures.

    Every detector draws its boxes in its own way, so each carries its own fit, measured by
    `emotiond-convert fit-crop`.

    Attributes:
        scale: side of the square crop, in heights of the box.
        right, down: shift of its centre, in heights of the box.
    """

    scale: float
    right: float
    down: float

    def square(self, box: Box, roll: float = 0.0) -> Box:
        """Return the square to crop for `box`; it may reach beyond the frame.

        Args:
            box: what the detector found.
            roll: tilt of the head in degrees; the shift is tilted with it, the square is not.
        """
        cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
        x = box.center.x + (self.right * cos - self.down * sin) * box.height
        y = box.center.y + (self.right * sin + self.down * cos) * box.height
        return Box.around(Point(x, y), self.scale * box.height)


class Detector(Protocol):
    """Finds faces."""

    @property
    def name(self) -> str:
        """What events call it."""

    @property
    def crop_fit(self) -> CropFit:
        """What its boxes need to become crops."""

    @property
    def searches_near(self) -> bool:
        """Whether looking around known faces alone saves it most of its time."""

    def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
        """Return the faces in `image`, in its pixels, in no particular order.

        Args:
            image: where to look.
            near: boxes of known faces: look around these alone, where that saves time.
        """
