"""The contract of every detector."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from edge.geometry import Box, CropCalibration
from edge.types import Face, Image


class Detector(Protocol):
    """Finds faces."""

    @property
    def name(self) -> str:
        """What events call it."""

    @property
    def crop_fit(self) -> CropCalibration:
        """What its boxes need to become crops."""

    @property
    def searches_near(self) -> bool:
        """Whether it looks around known faces alone, which saves it most of its time."""

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces in `image`, in its pixels, in no particular order.

        Args:
            image: where to look.
            known: boxes of faces seen just before: one that `searches_near` looks around these
                alone, another may believe a face there that it would doubt elsewhere.
        """


SAME_PLACE = 0.3
"""Overlap (IoU) with a known face from which a doubtful one is taken for the same."""


def sure_or_known(faces: Iterable[Face], sure: float, known: Sequence[Box]) -> list[Face]:
    """Return the faces that are sure, and the others where a face is known.

    Hysteresis, as Canny's for edges (1986, doi:10.1109/TPAMI.1986.4767851): a face that turns or
    blurs is seldom sure in every frame, and nothing else is likely to be where it was.
    """
    return [
        face
        for face in faces
        if face.confidence >= sure or any(face.box.iou(box) >= SAME_PLACE for box in known)
    ]
