"""YuNet detector (Wu, Peng and Yu 2023, doi:10.1007/s11633-023-1423-y), run by OpenCV.

The user brings its network: one is published with OpenCV's model zoo, others by its authors.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge.detect.image_ops import shrink_to_width
from edge.detect.model_files import find_file, is_file, model_directory
from edge.errors import ConfigError, ModelError
from edge.geometry import Box, CropCalibration, KeyPoints, Point
from edge.tflite import check_finite
from edge.types import Face, Image, KindSettings

FILE_NAME = "yunet.onnx"  # network in a model directory that is used where the config names none
STRIDE = 32  # coarsest stride of the network in pixels: sides of its input are multiples of it
CROP_FIT = CropCalibration(0.94, 0.0, -0.01)  # medians over 858 of 1,000 faces (2026-11-20)


class YuNetSettings(KindSettings, frozen=True, tag="yunet"):
    """Choice of the network, and how finely it searches.

    Attributes:
        model: the .onnx file; None takes yunet.onnx of a model directory.
        width: the frame is made this wide before it is searched, in pixels; never enlarged.
        min_confidence: least confidence of a face, 0-1.
    """

    model: Path | None = None
    width: Annotated[int, msgspec.Meta(ge=32, le=4096)] = 320
    min_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] = 0.7

    def open(self) -> "YuNet":
        """Load the network; a ConfigError where it is missing, a ModelError where it is another."""
        return YuNet(self)


class YuNet:
    """Detector of faces with landmarks; the corners of the mouth are given as its middle."""

    name = "yunet"
    searches_near = False
    crop_fit = CROP_FIT

    def __init__(self, settings: YuNetSettings) -> None:
        self._settings = settings
        path = settings.model or find_file(FILE_NAME)
        if path is None or not is_file(path):
            place = path or model_directory() / FILE_NAME
            remedy = "put the .onnx file there or name it in detector.model"
            raise ConfigError(f"yunet needs a network, and {place} is not there: {remedy}")
        self._path, side, confidence = path, (STRIDE, STRIDE), settings.min_confidence
        try:
            self._network = cv2.FaceDetectorYN.create(str(path), "", side, confidence)
        except cv2.error as error:
            reason = " ".join(str(error).split())
            raise ModelError(f"{path}: OpenCV cannot read it as a network: {reason}") from error
        try:  # OpenCV loads any network, and fails when it is used
            self.detect(np.zeros((2 * STRIDE, 2 * STRIDE, 3), dtype=np.uint8))
        except cv2.error as error:
            raise ModelError(f"{path}: is a network, and not YuNet's") from error

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces; known ones make no difference."""
        small, scale = shrink_to_width(image, self._settings.width)
        # Sides are multiples of the stride, and OpenCV misreads any of a single one.
        below, right = (max(2 * STRIDE - side, -side % STRIDE) for side in small.shape[:2])
        padded = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT)
        self._network.setInputSize((padded.shape[1], padded.shape[0]))
        _, rows = self._network.detect(padded)
        if rows is None:
            return []
        check_finite(rows, self._path)
        faces = []
        for row in rows:  # left, top, width, height, five points, confidence
            x, y, width, height, *marks = (row[:14] / scale).tolist()
            right_eye, left_eye, nose, right, left = map(Point, marks[::2], marks[1::2])
            points = KeyPoints(right_eye, left_eye, nose, right.midway(left))
            faces.append(Face(Box(x, y, x + width, y + height), float(row[14]), points))
        return faces
