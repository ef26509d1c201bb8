"""`python -m tools.crop_fit`: a detector's crop calibration, and what its crops cost a model.

Faces of FER2013 are laid into larger images, where the detector must find them. The medians of
what it draws beside the true squares are the `CropCalibration` to write into its module.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.commands.options import add_data, load_data
from converter.data import Usage
from converter.data.label_sets import Selection, select_rows
from converter.detector.evaluate import find_faces, fit_crop
from converter.evaluate.predictor import Predictor, open_tflite
from edge.config import parse_detector
from edge.detect import open_detector
from edge.detect.detector import Detector
from edge.errors import DataError, EmotiondError
from edge.infer.crop import crop_face


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    text = "kind, or settings as in a config: '{kind: yunet, model: my.onnx}'; default: %(default)s"
    parser.add_argument("--detector", default="auto", help=text)
    parser.add_argument("--faces", type=int, default=1000, help="how many; default: %(default)s")
    text = "measure the accuracy of this .tflite on crops of PublicTest as well"
    parser.add_argument("--model", type=Path, help=text)
    add_data(parser)
    options = parser.parse_args(arguments)
    try:
        _print_fit(options)
    except EmotiondError as error:
        sys.exit(str(error))


def _print_fit(options: argparse.Namespace) -> None:
    data = load_data(options)
    detector = open_detector(parse_detector(options.detector))
    faces = data.split(Usage.TRAINING).without_non_faces().sample(options.faces, seed=0)
    fit, pairs = fit_crop(detector, faces.pixels, seed=0)
    iou = float(np.mean([fit.square(box).iou(square) for square, box in pairs]))
    print(f"{detector.name}: {fit}, the one in use is {detector.crop_fit}")
    print(f"found {len(pairs)} of {len(faces)}; mean IoU of the squares {iou:.3f}")
    if options.model is None:
        return
    predictor, faces = open_tflite(options.model), data.without_non_faces()
    rows = select_rows(faces, Usage.PUBLIC_TEST, "labels", predictor.label_set)
    found = measure_crops(detector, predictor, rows, seed=1)
    print(
        f"{predictor.name} on the {found.found} of {found.tried} faces of {rows.name} it found: "
        f"{found.original:.1%} as they are, {found.cropped:.1%} as crops, "
        f"{found.upright:.1%} as crops that are not turned"
    )


@dataclass(frozen=True, slots=True)
class CropAccuracy:
    """Accuracy of a model on the same faces, shown in three ways.

    Attributes:
        tried: faces laid out.
        found: how many of them the detector found; the accuracies are of these.
        original: of the images as they are.
        cropped: of the crops that the daemon makes of the canvas.
        upright: of the same crops, not turned until the eyes are level; as `cropped` for a detector
            without landmarks.
    """

    tried: int
    found: int
    original: float
    cropped: float
    upright: float


def measure_crops(
    detector: Detector, predictor: Predictor, rows: Selection, seed: int
) -> CropAccuracy:
    """Lay each image into a canvas, detect and crop it, and classify image and crop.

    Args:
        detector: finds the faces and carries the fit that crops them.
        predictor: the classifier.
        rows: images and the true class of each.
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
    for row, image, _, face in find_faces(detector, rows.pixels, seed):
        cropped = crop_face(image, face.box, face.points, detector.crop_fit, side)
        yield row, cropped, crop_face(image, face.box, None, detector.crop_fit, side)


if __name__ == "__main__":
    main()
