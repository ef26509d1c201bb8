"""How well a network finds the faces of photographs that it does not learn from."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from converter.detector.average_precision import LEAST, Detections, Truth, average_precision
from converter.detector.batches import as_input
from converter.detector.cells import STRIDES
from converter.detector.samples import Lesson
from converter.detector.photographs import Photograph
from converter.models.detector import Model
from edge.detect.builtin import cells, decode, letterbox, nms

Answer = dict[str, NDArray[np.float32]]
"""A network's outputs by name, float32 (pictures, cells, numbers)."""

SHARE = 12
"""One of so many training photographs is watched and not learnt from."""


def is_watched(photograph: Photograph) -> bool:
    """Tell whether a training photograph is watched, by its name alone."""
    return zlib.crc32(photograph.path.name.encode()) % SHARE == 0


class Watched:
    """Photographs, fitted into what a network takes, and the faces in them.

    Args:
        lessons: the photographs; of those without faces, any box found is false.
        shape: of the network's input: height, width, channels.

    Attributes:
        pictures: uint8 (n, height, width, channels).
        truth: the faces in each.
    """

    def __init__(self, lessons: Sequence[Lesson], shape: tuple[int, int, int]) -> None:
        height, width, channels = shape
        self._grid = cells((height, width), STRIDES)
        self.pictures = np.zeros((len(lessons), *shape), np.uint8)
        self.truth: list[Truth] = []
        for lesson, picture in zip(lessons, self.pictures, strict=True):
            into = np.zeros((height, width, 3), np.uint8)
            scale = letterbox(lesson.image, into)
            picture[:] = as_input(into, channels)
            self.truth.append(Truth(lesson.boxes * np.tile(scale, 2), lesson.ignored))

    def average_precision(self, answer: Answer) -> float:
        """Return it at IoU 0.4, of faces of 16 pixels and more, of a network's answer."""
        return average_precision(self.find(answer), self.truth)

    def find(self, answer: Answer) -> list[Detections]:
        """Return what a network found in each photograph."""
        rows = zip(answer["scores"], answer["boxes"], strict=True)
        return [detections(decode(*row, self._grid, LEAST)) for row in rows]


def ask(network: Model, pictures: NDArray[np.uint8]) -> Answer:
    """Return what a Keras network answers to pictures, uint8 (n, height, width, channels)."""
    answer: Answer = network.predict(pictures, batch_size=32, verbose=0)
    return answer


def detections(decoded: tuple[NDArray[np.float32], NDArray[np.float32]]) -> Detections:
    """Return what `decode` gave for one picture, one box a face."""
    scores, values = decoded
    stand = nms(scores, values)
    return Detections(values[stand, :4], scores[stand])
