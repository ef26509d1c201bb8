"""What finding and cropping a face costs the classifier that reads it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converter.evaluate.crop_calibration import find_faces
from converter.evaluate.predictor import Predictor
from converter.evaluate.selection import Selection
from edge.detect import Detector
from edge.errors import DataError
from edge.infer.crop import crop_face


@dataclass(frozen=True, slots=True)
class CropAccuracy:
    """How often a model is right about the same faces, shown in three ways.

    Attributes:
        tried: faces laid out.
        found: how many of them the detector found; the accuracies are of these.
        original: of the pictures as they are.
        cropped: of the crops that the daemon makes of the canvas.
        upright: of the same crops, not turned until the eyes are level; as `cropped` for a detector
            without key points.
    """

    tried: int
    found: int
    original: float
    cropped: float
    upright: float


def measure_crops(
    detector: Detector, predictor: Predictor, rows: Selection, seed: int
) -> CropAccuracy:
    """Lay each picture into a canvas, find and crop it, and classify picture and crop.

    Args:
        detector: finds the faces and carries the fit that crops them.
        predictor: the classifier.
        rows: pictures and the true class of each.
        seed: of the sizes and places at which they are laid out.

    Raises:
        DataError: the detector found none of the faces.
    """
    found = list(_crops(detector, rows, seed))
    if not found:
        raise DataError(f"the detector {detector.name} found none of {len(rows.classes)} faces")
    places, cropped, upright = (np.array(part) for part in zip(*found, strict=True))

    def accuracy(faces: NDArray[np.uint8]) -> float:
        logits = predictor.logits(faces)
        return float((logits.argmax(axis=1) == rows.classes[places]).mean())

    originals = rows.pixels[places]
    return CropAccuracy(
        len(rows.classes),
        len(found),
        *(accuracy(faces) for faces in (originals, cropped, upright)),
    )


def _crops(
    detector: Detector, rows: Selection, seed: int
) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield the row of each face found, its crop as the daemon makes it, and its upright crop."""
    side = rows.pixels.shape[1]
    for finding in find_faces(detector, rows.pixels, seed):
        image, face, fit = finding.image, finding.face, detector.crop_fit
        cropped = crop_face(image, face.box, face.points, fit, side)
        yield finding.row, cropped, crop_face(image, face.box, None, fit, side)
