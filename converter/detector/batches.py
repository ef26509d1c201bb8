"""Batches of generated samples to train on, and the images that a training is validated on."""

import zlib
from collections.abc import Sequence
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from converter.detector.annotations import AnnotatedImage
from converter.detector.average_precision import (
    MIN_SCORE,
    Detections,
    Truth,
    average_precision,
)
from converter.detector.sample_generator import SampleGenerator
from converter.detector.samples import TrainingSample
from converter.detector.simota import CANDIDATES, STRIDES, Grid
from converter.models.detector import Model
from converter.recipes import DetectorRecipe
from edge.detect.builtin import cells, decode, letterbox, nms

Targets = dict[str, NDArray[Any]]

Answer = dict[str, NDArray[np.float32]]
"""A network's outputs by name, float32 (images, cells, numbers)."""

VALIDATION_SHARE = 12
"""One of so many training images is validated on and not learned from."""


class SampleBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of (images (n, height, width, channels), targets).

    Every batch is drawn from (seed, epoch, index) alone, as the classifiers' are. The targets are

        boxes       (n, faces, 4)            left, top, right, bottom in pixels
        known       (n, faces)               1 for a face, 0 for an empty place
        candidates  (n, faces, CANDIDATES)   cells that may answer, -1 for none
        background  (n, cells)               0 where it is unknown whether there is a face

    Args:
        generator: draws the samples.
        recipe: sizes and seed.
    """

    def __init__(self, generator: SampleGenerator, recipe: DetectorRecipe) -> None:
        super().__init__()
        self._generator = generator
        self._recipe = recipe
        self._grid = Grid(recipe.height, recipe.width)
        self.epoch = 0

    def __len__(self) -> int:
        return self._recipe.steps

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Targets]:
        recipe = self._recipe
        rng = np.random.default_rng((recipe.seed, self.epoch, index))
        samples = [
            self._generator.draw(recipe.height, recipe.width, rng) for _ in range(recipe.batch_size)
        ]
        images = np.stack([as_input(sample.image, recipe.channels) for sample in samples])
        targets = [targets_of(sample, self._grid, recipe.most_faces, rng) for sample in samples]
        return images, {name: np.stack([one[name] for one in targets]) for name in targets[0]}


def as_input(image: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Return a BGR image as the network takes it, uint8 (height, width, channels)."""
    if channels == 3:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)[..., None]


def targets_of(sample: TrainingSample, grid: Grid, most: int, rng: np.random.Generator) -> Targets:
    """Return the targets of one sample; of more than `most` faces, some are ignored."""
    faces = np.flatnonzero(~sample.ignored)
    if len(faces) > most:
        faces = rng.permutation(faces)[:most]
    count = len(faces)
    ignored = np.delete(sample.boxes, faces, axis=0)
    targets: Targets = {
        "boxes": np.zeros((most, 4), np.float32),
        "known": np.zeros(most, np.float32),
        "candidates": np.full((most, CANDIDATES), -1, np.int32),
        "background": 1 - grid.inside(ignored).astype(np.float32),
    }
    targets["boxes"][:count] = sample.boxes[faces]
    targets["known"][:count] = 1
    targets["candidates"][:count] = grid.candidates(sample.boxes[faces])
    return targets


def is_validation(image: AnnotatedImage) -> bool:
    """Tell whether a training image is one to validate on, by its name alone."""
    return zlib.crc32(image.path.name.encode()) % VALIDATION_SHARE == 0


class ValidationSet:
    """Images, fitted into what a network takes, and the faces in them.

    Args:
        samples: the images; of those without faces, any box found is false.
        shape: of the network's input: height, width, channels.

    Attributes:
        images: uint8 (n, height, width, channels).
        truth: the faces in each.
    """

    def __init__(self, samples: Sequence[TrainingSample], shape: tuple[int, int, int]) -> None:
        height, width, channels = shape
        self._grid = cells((height, width), STRIDES)
        self.images = np.zeros((len(samples), *shape), np.uint8)
        self.truth: list[Truth] = []
        for sample, image in zip(samples, self.images, strict=True):
            into = np.zeros((height, width, 3), np.uint8)
            scale = letterbox(sample.image, into)
            image[:] = as_input(into, channels)
            self.truth.append(Truth(sample.boxes * np.tile(scale, 2), sample.ignored))

    def average_precision(self, answer: Answer) -> float:
        """Return it at IoU 0.4, of faces of 16 pixels and more, of a network's answer."""
        return average_precision(self.find(answer), self.truth)

    def find(self, answer: Answer) -> list[Detections]:
        """Return what a network found in each image, one box a face."""
        found = []
        for scores, boxes in zip(answer["scores"], answer["boxes"], strict=True):
            confidences, values = decode(scores, boxes, self._grid, MIN_SCORE)
            kept = nms(confidences, values)
            found.append(Detections(values[kept, :4], confidences[kept]))
        return found


def predict(network: Model, images: NDArray[np.uint8]) -> Answer:
    """Return what a Keras network answers to images, uint8 (n, height, width, channels)."""
    answer: Answer = network.predict(images, batch_size=32, verbose=0)
    return answer
