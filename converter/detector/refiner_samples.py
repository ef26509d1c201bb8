"""Training crops of the refiner: faces, and what the detector takes for one."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from converter.detector.average_precision import overlaps
from converter.detector.batches import predict
from converter.detector.sample_generator import SampleGenerator
from converter.detector.samples import TrainingSample
from converter.detector.simota import STRIDES
from converter.models.detector import REFINER_SIDE as SIDE
from converter.models.detector import Model
from converter.recipes import RefinerRecipe, SampleGeneratorConfig
from converter.train.augmentation import augment_image
from edge.detect.builtin import CONTEXT, cells, decode, nms
from edge.types import Image

MIN_CONFIDENCE = 0.15
"""Confidence from which what the detector takes for a face is collected."""

MAX_ERROR_IOU, MIN_FACE_IOU = 0.3, 0.5
"""Overlap (IoU) with a face below which a candidate is none, and from which it is one."""

MAX_CANDIDATES = 8
"""Candidates of a sample that are collected, the surest."""

MARGIN = 2.0
"""Sides of a crop that are kept around a candidate, so that it can be turned and moved."""

PHOTOMETRIC = SampleGeneratorConfig(blurred=0.06, noisy=0.06, compressed=0.1)
"""How crops are relit and spoilt; generated samples were spoilt before."""

Targets = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class CropSquare:
    """A square of an image, cut out as `SIDE` pixels.

    Attributes:
        x, y: its middle in pixels of the image.
        side: likewise.
        turn: degrees by which what is cut out is turned, counter-clockwise.
    """

    x: float
    y: float
    side: float
    turn: float = 0.0

    def matrix(self, pixels: int = SIDE) -> NDArray[np.float64]:
        """Return what takes pixels of the image to those of the crop, (2, 3)."""
        zoom = pixels / self.side
        matrix = np.array(cv2.getRotationMatrix2D((self.x, self.y), self.turn, zoom), np.float64)
        matrix[:, 2] += [pixels / 2 - self.x, pixels / 2 - self.y]
        return matrix

    def cut(self, image: Image, pixels: int = SIDE) -> Image:
        """Return the crop; beyond the image it is black."""
        matrix = self.matrix(pixels)
        while np.sqrt(abs(np.linalg.det(matrix[:, :2]))) <= 0.6 and min(image.shape[:2]) > 2:
            image = np.asarray(
                cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
            )
            matrix[:, :2] *= 2
        matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # to a warp 0 is a pixel's middle
        cut = cv2.warpAffine(image, matrix, (pixels, pixels), flags=cv2.INTER_LINEAR)
        return np.asarray(cut, np.uint8)


def collect_hard_negatives(
    network: Model, generator: SampleGenerator, count: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return what a detector takes for faces in generated samples, uint8 (n, side, side, 3).

    Args:
        network: the detector.
        generator: draws the samples.
        count: of them.
        rng: of the draws.
    """
    _, height, width, _ = network.input_shape
    grid = cells((height, width), STRIDES)
    negatives: list[Image] = []
    for _ in range(0, count, 32):
        generated = [generator.draw(height, width, rng) for _ in range(32)]
        answer = predict(network, np.stack([sample.image for sample in generated]))
        for sample, scores, boxes in zip(generated, answer["scores"], answer["boxes"], strict=True):
            confidences, values = decode(scores, boxes, grid, MIN_CONFIDENCE)
            found = values[nms(confidences, values)[:MAX_CANDIDATES]]
            for box in _false_candidates(found, sample):
                x, y, side = square_of(box)
                kept = CropSquare(x, y, MARGIN * side).cut(sample.image, round(MARGIN * SIDE))
                negatives.append(kept)
    return np.stack(negatives)


def _false_candidates(found: NDArray[np.float32], sample: TrainingSample) -> NDArray[np.float32]:
    """Return the boxes that are of no face, and of nothing that may be one."""
    if not len(sample.boxes):
        return found
    ious = overlaps(found.astype(np.float32), sample.boxes)
    return found[(ious < np.where(sample.ignored, 0.05, MAX_ERROR_IOU)).all(axis=1)]


def square_of(box: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return middle and side of the crop of a box: left, top, right, bottom."""
    x1, y1, x2, y2 = box.tolist()
    return (x1 + x2) / 2, (y1 + y2) / 2, CONTEXT * max(x2 - x1, y2 - y1)


class CropBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of (crops (n, SIDE, SIDE, 3), targets), one half faces.

    Every batch is drawn from (seed, epoch, index) alone. The targets are `face` (n,), 0 or 1;
    `points` (n, 8) in sides of the crop from its middle; `pointed` (n,), 0 where these are unknown.

    Args:
        samples: images with faces, and close-ups.
        negatives: what `collect_hard_negatives` returns.
        recipe: sizes and seed.
    """

    def __init__(
        self, samples: Sequence[TrainingSample], negatives: NDArray[np.uint8], recipe: RefinerRecipe
    ) -> None:
        super().__init__()
        self._samples = samples
        self._negatives = negatives
        self._recipe = recipe
        self._faces, self._heights = _by_height(samples)
        self.epoch = 0

    def __len__(self) -> int:
        return self._recipe.steps

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Targets]:
        rng = np.random.default_rng((self._recipe.seed, self.epoch, index))
        half = self._recipe.batch_size // 2
        faces = [self._face(rng) for _ in range(half)]
        others = [self._negative(rng) for _ in range(self._recipe.batch_size - half)]
        unknown = [np.full((4, 2), np.nan, np.float32)] * len(others)
        images = [*(image for image, _ in faces), *others]
        crops = np.stack([augment_image(image, PHOTOMETRIC, rng) for image in images])
        points = np.stack([*(points for _, points in faces), *unknown]).reshape(len(crops), 8)
        targets: Targets = {
            "face": np.repeat(np.array([1, 0], np.float32), [half, len(others)]),
            "points": np.nan_to_num(points),
            "pointed": np.asarray(~np.isnan(points).any(axis=1), np.float32),
        }
        return crops, targets

    def _face(self, rng: np.random.Generator) -> tuple[Image, NDArray[np.float32]]:
        """Draw a face of a size drawn evenly, and its points, (4, 2)."""
        low, high = np.log(self._recipe.smallest), np.log(self._heights[-1])
        tall = np.exp(rng.uniform(low, high))
        first = min(int(np.searchsorted(self._heights, tall)), len(self._faces) - 1)
        number, row = self._faces[int(rng.integers(first, len(self._faces)))]
        sample = self._samples[number]
        square = self._moved(*square_of(sample.boxes[row]), rng)
        height = float(sample.boxes[row, 3] - sample.boxes[row, 1])
        image = square.cut(sample.image)
        if tall < min(height, SIDE / CONTEXT):  # as a small face looks once it is enlarged
            small = max(4, round(SIDE * tall / (SIDE / CONTEXT)))
            small_image = square.cut(sample.image, small)
            image = np.asarray(cv2.resize(small_image, (SIDE, SIDE)), np.uint8)
        matrix = square.matrix()
        points = (sample.points[row] @ matrix[:, :2].T + matrix[:, 2]) / SIDE - 0.5
        if rng.random() < 0.5:
            image, points = image[:, ::-1], (points * [-1, 1])[[1, 0, 2, 3]]
        return np.ascontiguousarray(image), points.astype(np.float32)

    def _negative(self, rng: np.random.Generator) -> Image:
        kept = self._negatives[int(rng.integers(len(self._negatives)))]
        middle = len(kept) / 2
        image = self._moved(middle, middle, SIDE, rng).cut(kept)
        return np.ascontiguousarray(image[:, ::-1] if rng.random() < 0.5 else image)

    def _moved(self, x: float, y: float, side: float, rng: np.random.Generator) -> CropSquare:
        """Return a square as far off as a detector's box is, turned."""
        recipe, height = self._recipe, side / CONTEXT
        right, down = rng.normal(0, recipe.shift * height, 2).tolist()
        larger = float(np.exp(rng.normal(0, recipe.scale)))
        turn = float(rng.uniform(-recipe.turn, recipe.turn))
        return CropSquare(x + right, y + down, larger * side, turn)


def _by_height(
    samples: Sequence[TrainingSample],
) -> tuple[list[tuple[int, int]], NDArray[np.float64]]:
    """Return sample and row of every face that is not ignored, smallest first, and the heights."""
    faces = [
        (float(sample.boxes[row, 3] - sample.boxes[row, 1]), number, int(row))
        for number, sample in enumerate(samples)
        for row in np.flatnonzero(~sample.ignored)
    ]
    faces.sort()
    return [(number, row) for _, number, row in faces], np.array([height for height, _, _ in faces])
