"""The contract of every detector."""

from dataclasses import dataclass
from typing import Protocol

from edge.records import Box, Face, Image


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

    def square(self, box: Box) -> Box:
        """Return the square to crop for `box`; it may reach beyond the frame."""
        x = (box.x1 + box.x2) / 2 + self.right * box.height
        y = (box.y1 + box.y2) / 2 + self.down * box.height
        half = self.scale * box.height / 2
        return Box(x - half, y - half, x + half, y + half)


class Detector(Protocol):
    """Finds faces."""

    @property
    def name(self) -> str:
        """What events call it."""

    @property
    def crop_fit(self) -> CropFit:
        """What its boxes need to become crops."""

    def detect(self, image: Image) -> list[Face]:
        """Return the faces in `image`, in its pixels, in no particular order."""
