"""Crop calibration: the scale and shift that turn a detector's boxes into the training framing."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.detector import Detector
from edge.errors import DataError
from edge.geometry import Box, CropCalibration
from edge.types import Face, Image

WIDTH, HEIGHT = 640, 480
SIDES = (100, 240)  # range of the sizes, in pixels, at which a face is laid into the canvas
NEAR = 0.3  # overlap (IoU) above which a detection is of the face that was laid out


class FitReport(NamedTuple):
    """Crop calibration, of how many faces tried and found, and how its squares overlap the true."""

    fit: CropCalibration
    tried: int
    found: int
    iou: float


def fit_crop(detector: Detector, faces: NDArray[np.uint8], seed: int) -> FitReport:
    """Fit boxes to the squares of `find_faces` by medians; DataError where no face is found."""
    pairs = [(square, face.box) for _, _, square, face in find_faces(detector, faces, seed)]
    if not pairs:
        raise DataError(f"the detector {detector.name} found none of {len(faces)} faces")
    squares, boxes = np.array(pairs).swapaxes(0, 1)
    shifts = (squares[:, :2] + squares[:, 2:] - boxes[:, :2] - boxes[:, 2:]) / 2
    fits = np.column_stack([squares[:, 3] - squares[:, 1], shifts]) / (boxes[:, 3:] - boxes[:, 1:2])
    scale, right, down = np.round(np.median(fits, axis=0), 3).tolist()
    fit = CropCalibration(scale, right, down)
    iou = float(np.mean([fit.square(box).iou(square) for square, box in pairs]))
    return FitReport(fit, len(faces), len(pairs), iou)


def find_faces(
    detector: Detector, faces: NDArray[np.uint8], seed: int
) -> Iterator[tuple[int, Image, Box, Face]]:
    """Lay faces, (n, 48, 48), into canvases by the seed; yield row, canvas, square and find."""
    rng = np.random.default_rng(seed)
    for row, pixels in enumerate(faces):
        image, square = lay_out(pixels, rng)
        best = max(detector.detect(image), key=lambda face: square.iou(face.box), default=None)
        if best is not None and square.iou(best.box) > NEAR:
            yield row, image, square, best


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
