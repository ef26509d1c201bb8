"""The margin and shift that turn a detector's boxes into the framing of the training pictures."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect import CropFit, Detector
from edge.errors import DataError
from edge.records import Box, Image

WIDTH, HEIGHT = 640, 480
SIDES = (100, 240)
"""Range of the sizes, in pixels, at which a face is laid into the canvas."""


@dataclass(frozen=True, slots=True)
class FitReport:
    """A fit and how good it is.

    Attributes:
        fit: medians over the faces found.
        tried, found: faces laid out, and faces the detector found.
        iou: mean overlap of the fitted squares with the true ones.
    """

    fit: CropFit
    tried: int
    found: int
    iou: float


def fit_crop(detector: Detector, faces: NDArray[np.uint8], seed: int) -> FitReport:
    """Lay each face into a canvas, detect it, and fit the box to the picture's own square.

    Args:
        detector: whose boxes are fitted.
        faces: uint8 (n, 48, 48).
        seed: of sizes and places.

    Raises:
        DataError: the detector found none of the faces.
    """
    rng = np.random.default_rng(seed)
    pairs = []
    for face in faces:
        image, square = lay_out(face, rng)
        box = _best(detector, image, square)
        if box is not None:
            pairs.append((square, box))
    if not pairs:
        raise DataError(f"the detector {detector.name} found none of {len(faces)} faces")
    fit = _medians(pairs)
    iou = float(np.mean([fit.square(box).iou(square) for square, box in pairs]))
    return FitReport(fit, len(faces), len(pairs), iou)


def lay_out(face: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Image, Box]:
    """Lay one face into a canvas of its own blurred reflections; return canvas and its square."""
    side = int(rng.integers(*SIDES))
    left, top = int(rng.integers(0, WIDTH - side)), int(rng.integers(0, HEIGHT - side))
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    margins = (top, HEIGHT - side - top, left, WIDTH - side - left)
    canvas = cv2.blur(cv2.copyMakeBorder(large, *margins, cv2.BORDER_REFLECT_101), (41, 41))
    canvas[top : top + side, left : left + side] = large
    image = np.asarray(cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    return image, Box(left, top, left + side, top + side)


def _best(detector: Detector, image: Image, square: Box) -> Box | None:
    """Return the detection that overlaps the true square most, None when none is near."""
    boxes = [face.box for face in detector.detect(image)]
    best = max(boxes, key=square.iou, default=None)
    return best if best is not None and square.iou(best) > 0.3 else None


def _medians(pairs: list[tuple[Box, Box]]) -> CropFit:
    fits = [
        (
            square.height / box.height,
            (square.x1 + square.x2 - box.x1 - box.x2) / 2 / box.height,
            (square.y1 + square.y2 - box.y1 - box.y2) / 2 / box.height,
        )
        for square, box in pairs
    ]
    scale, right, down = np.round(np.median(np.array(fits), axis=0), 3).tolist()
    return CropFit(scale, right, down)
