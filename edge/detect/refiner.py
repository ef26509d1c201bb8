"""A second, closer look at each face that a detector found: how surely it is one, and its points.

The detector sees a picture of 320x240 in cells; of what makes a face of a dog or a hand, and of how
a head is tilted, its features tell nothing (docs/detector.md). This network sees one candidate, as
the output network of MTCNN does (Zhang et al. 2016, arXiv:1604.02878).
"""

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from edge.geometry import Box, KeyPoints, Point
from edge.model_card import load_refiner_card
from edge.paths import asset
from edge.tflite import TensorSpec, open_tflite
from edge.types import Face, Image

CONTEXT = 1.3
"""Side of the square that it sees, in longest sides of the box: hair, chin and some ground."""


class Refiner:
    """Looks again at what a detector found.

    Raises:
        ModelError: file or card is missing or damaged, or one is not of the other.
        ConfigError: no runtime is installed.
    """

    def __init__(self, model: Path | None = None) -> None:
        path = model or asset("models") / "refiners" / "refiner-32.tflite"
        self.card = load_refiner_card(path)
        self._network = open_tflite(path)
        outputs = [TensorSpec((1, 1), "int8"), TensorSpec((1, 8), "int8")]
        self._order = self._network.match_signature(
            TensorSpec((1, *self.card.input.shape), "int8"), outputs
        )

    def refine(self, image: Image, faces: list[Face]) -> list[Face]:
        """Return the faces with their points, each as sure as both looks are of it."""
        return [self._refined(image, face) for face in faces]

    def _refined(self, image: Image, face: Face) -> Face:
        score, points = self.look(image, face.box)
        first, second, offset = self.card.weights
        confidence = min(max(face.confidence, 1e-4), 1 - 1e-4)
        logit = first * math.log(confidence / (1 - confidence)) + second * score + offset
        return replace(face, confidence=1 / (1 + math.exp(-logit)), points=points)

    def look(self, image: Image, box: Box) -> tuple[float, KeyPoints]:
        """Return the logit of a face being in a box, and the points that it would have there."""
        square = square_around(box)
        crop = cut(image, square, self.card.input.shape[0])
        outputs = self._network.invoke(np.bitwise_xor(crop, 128).view(np.int8)[None])
        score, points = (outputs[place][0] for place in self._order)
        middle, side = square.center, square.width
        places = (
            Point(middle.x + side * x, middle.y + side * y)
            for x, y in points.reshape(4, 2).tolist()
        )
        return float(score[0]), KeyPoints(*places)


def square_around(box: Box) -> Box:
    """Return what the network sees of a picture to judge a box."""
    return Box.around(box.center, CONTEXT * max(box.width, box.height))


def cut(image: Image, square: Box, pixels: int) -> Image:
    """Return a square of a picture, black beyond it, as `pixels` x `pixels`."""
    x1, y1, x2, y2 = (round(edge) for edge in square.edges)
    height, width = image.shape[:2]
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if right <= left or bottom <= top:
        return np.zeros((pixels, pixels, image.shape[2]), np.uint8)
    part = np.asarray(image[top:bottom, left:right])
    beyond = (top - y1, y2 - bottom, left - x1, x2 - right)
    if any(beyond):
        part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT), np.uint8)
    method = cv2.INTER_AREA if part.shape[0] > 1.5 * pixels else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (pixels, pixels), interpolation=method), np.uint8)
