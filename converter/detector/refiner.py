"""Training of the refiner, by the errors of the detector whose finds it looks at again."""

import logging
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import msgspec
import numpy as np
from keras import ops
from numpy.typing import NDArray

from converter.detector.average_precision import overlaps
from converter.detector.loss import compare
from converter.detector.sample_generator import Matrix, SampleGenerator, downscale, warp
from converter.detector.samples import TrainingData, TrainingSample, ValidationSet
from converter.detector.train import DetectorRun, Targets, train_network
from converter.models import REFINER_SIDE as SIDE
from converter.models import Model, refiner
from converter.recipes import RefinerRecipe, SampleGeneratorConfig
from converter.train.augmentation import augment_image
from converter.train.loop import SeededBatches, use_precision
from converter.train.run_dir import prepare_run_dir
from edge.detect.builtin import CONTEXT
from edge.errors import DataError
from edge.types import Image

log = logging.getLogger(__name__)

MIN_CONFIDENCE = 0.15  # confidence from which what the detector takes for a face is collected
MAX_ERROR_IOU = 0.3  # overlap (IoU) with a face below which a candidate is none
MAX_CANDIDATES = 8  # candidates of a sample that are collected, the surest
MOSTLY_EMPTY = {"mosaic": 0.1, "empty": 0.6}  # of the scenes in which candidates are collected
MARGIN = 2.0  # sides of a crop that are kept around a candidate, so that it can be turned and moved

# How crops are relit and spoilt; generated samples were spoilt before.
PHOTOMETRIC = SampleGeneratorConfig(blurred=0.06, noisy=0.06, compressed=0.1)
PANELS = {"loss": {"face": "face", "point": "point", "box": "box"}}  # what the curves show
SURE_WITHIN = 0.02  # sides of the crop within which a point's error counts by its square
POINT_WEIGHT, BOX_WEIGHT = 0.5, 0.3

WAYS = np.kron([np.eye(4)[a] - np.eye(4)[b] for a, b in combinations(range(4), 2)], np.eye(2)).T
"""Takes four points to the ways between any two, (8, 12)."""


class CropSquare(NamedTuple):
    """A square of an image, in its pixels, turned by degrees counter-clockwise."""

    x: float
    y: float
    side: float
    turn: float = 0.0

    def matrix(self, pixels: int = SIDE) -> Matrix:
        """Return what takes pixels of the image to those of the crop, (2, 3)."""
        zoom = pixels / self.side
        matrix = np.array(cv2.getRotationMatrix2D((self.x, self.y), self.turn, zoom), np.float64)
        matrix[:, 2] += [pixels / 2 - self.x, pixels / 2 - self.y]
        return matrix

    def cut(self, image: Image, pixels: int = SIDE) -> Image:
        """Return the crop; beyond the image it is black."""
        return warp(*downscale(image, self.matrix(pixels)), (pixels, pixels))

    @classmethod
    def around(cls, box: NDArray[np.float32], sides: float = 1.0) -> "CropSquare":
        """Return the square that the refiner sees of a box, so many sides of it wide."""
        x1, y1, x2, y2 = box.tolist()
        return cls((x1 + x2) / 2, (y1 + y2) / 2, sides * CONTEXT * max(x2 - x1, y2 - y1))


def collect_hard_negatives(
    network: Model, generator: SampleGenerator, count: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return what a detector takes for faces in `count` samples, uint8 (n, side, side, 3)."""
    size = network.input_shape[1:3]
    negatives: list[Image] = []
    for _ in range(0, count, 32):
        generated = [generator.draw(size[0], size[1], rng) for _ in range(32)]
        answers = ValidationSet(generated, size).find(network)
        for sample, found in zip(generated, answers, strict=True):
            boxes = found.boxes[found.scores >= MIN_CONFIDENCE][:MAX_CANDIDATES]
            for box in _false_candidates(boxes.astype(np.float32), sample):
                square = CropSquare.around(box, MARGIN)
                negatives.append(square.cut(sample.image, round(MARGIN * SIDE)))
    if not negatives:
        raise DataError(
            f"expected errors of the detector to learn from, found none in {count} scenes; "
            "raise the recipe's `scenes`, or train the detector for longer"
        )
    return np.stack(negatives)


def _false_candidates(found: NDArray[np.float32], sample: TrainingSample) -> NDArray[np.float32]:
    """Return the boxes that are of no face, and of nothing that may be one."""
    ious = overlaps(found, sample.boxes)
    return found[(ious < np.where(sample.ignored, 0.05, MAX_ERROR_IOU)).all(axis=1)]


class CropBatches(SeededBatches):
    """Batches of (crops (n, SIDE, SIDE, 3), targets), one half faces.

    The targets are `face` (n,), 0 or 1; `points` (n, 8) and `boxes` (n, 4), xyxy, in sides of the
    crop from its middle; `pointed` and `boxed` (n,), 0 where unknown. Turned faces have no box.
    """

    def __init__(
        self, samples: Sequence[TrainingSample], negatives: NDArray[np.uint8], recipe: RefinerRecipe
    ) -> None:
        super().__init__(recipe, recipe.steps)
        self._samples, self._negatives, self._recipe = samples, negatives, recipe
        faces = sorted(
            (float(sample.boxes[row, 3] - sample.boxes[row, 1]), number, int(row))
            for number, sample in enumerate(samples)
            for row in np.flatnonzero(~sample.ignored)
        )
        self._faces = [(number, row) for _, number, row in faces]  # the smallest first
        self._heights = np.array([height for height, _, _ in faces])

    def draw(self, index: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Targets]:
        """Draw faces and negatives, and spoil them."""
        half = self._recipe.batch_size // 2
        faces = [self._face(rng) for _ in range(half)]
        others = [self._negative(rng) for _ in range(self._recipe.batch_size - half)]
        images = [*(image for image, _ in faces), *others]
        crops = np.stack([augment_image(image, PHOTOMETRIC, rng) for image in images])
        places = np.full((len(crops), 12), np.nan, np.float32)
        places[:half] = [place for _, place in faces]
        points, boxes = places[:, :8], places[:, 8:]
        targets: Targets = {
            "face": np.repeat(np.array([1, 0], np.float32), [half, len(others)]),
            "points": np.nan_to_num(points),
            "pointed": np.asarray(~np.isnan(points).any(axis=1), np.float32),
            "boxes": np.nan_to_num(boxes),
            "boxed": np.asarray(~np.isnan(boxes).any(axis=1), np.float32),
        }
        return crops, targets

    def _face(self, rng: np.random.Generator) -> tuple[Image, NDArray[np.float32]]:
        """Draw a face of a size drawn evenly, and its points and box, (12,)."""
        low, high = np.log(self._recipe.smallest), np.log(self._heights[-1])
        tall = np.exp(rng.uniform(low, high))
        first = min(int(np.searchsorted(self._heights, tall)), len(self._faces) - 1)
        number, row = self._faces[int(rng.integers(first, len(self._faces)))]
        sample = self._samples[number]
        square = self._moved(CropSquare.around(sample.boxes[row]), rng)
        height = float(sample.boxes[row, 3] - sample.boxes[row, 1])
        image = square.cut(sample.image)
        if tall < min(height, SIDE / CONTEXT):  # as a small face looks once it is enlarged
            small = max(4, round(SIDE * tall / (SIDE / CONTEXT)))
            image = np.asarray(cv2.resize(square.cut(sample.image, small), (SIDE, SIDE)), np.uint8)
        matrix = square.matrix()
        places = np.concatenate([sample.points[row], sample.boxes[row].reshape(2, 2)])
        places = (places @ matrix[:, :2].T + matrix[:, 2]) / SIDE - 0.5
        if rng.random() < 0.5:
            # The eyes change sides.
            image, places = image[:, ::-1], (places * [-1, 1])[[1, 0, 2, 3, 4, 5]]
            places[4:, 0] = places[:3:-1, 0]  # so do left and right of the box
        if square.turn:
            places[4:] = np.nan
        return np.ascontiguousarray(image), places.ravel().astype(np.float32)

    def _negative(self, rng: np.random.Generator) -> Image:
        kept = self._negatives[int(rng.integers(len(self._negatives)))]
        middle = len(kept) / 2
        image = self._moved(CropSquare(middle, middle, SIDE), rng).cut(kept)
        return np.ascontiguousarray(image[:, ::-1] if rng.random() < 0.5 else image)

    def _moved(self, square: CropSquare, rng: np.random.Generator) -> CropSquare:
        """Return a square as far off as a detector's box is, every second one turned."""
        recipe, height = self._recipe, square.side / CONTEXT
        right, down = rng.normal(0, recipe.shift * height, 2).tolist()
        larger = float(np.exp(rng.normal(0, recipe.scale)))
        turn = float(rng.uniform(-recipe.turn, recipe.turn)) if rng.random() < 0.5 else 0.0
        return CropSquare(square.x + right, square.y + down, larger * square.side, turn)


def train_refiner(
    recipe: RefinerRecipe, detector: DetectorRun, data: TrainingData, directory: Path
) -> Path:
    """Train the refiner on a detector's errors in what it learned from; errors as there."""
    prepare_run_dir(directory, recipe)
    use_precision(recipe.dtype)
    rng = np.random.default_rng(recipe.seed)
    scenes = msgspec.structs.replace(detector.recipe.scenes, **MOSTLY_EMPTY)
    generator = SampleGenerator(data.samples, data.closeups, data.empty, scenes)
    negatives = collect_hard_negatives(detector.network, generator, recipe.scenes, rng)
    log.info("%d errors of the detector in %d scenes", len(negatives), recipe.scenes)
    batches = CropBatches([*data.samples, *data.closeups], negatives, recipe)
    return train_network(refiner, loss_parts, batches, recipe, directory, panels=PANELS)


def loss_parts(truth: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the cross entropy of faces, and how far off points and boxes are, each a scalar."""
    score, face = answer["score"][:, 0], truth["face"]
    off = answer["points"] - truth["points"]
    between = ops.matmul(off, WAYS.astype("float32"))  # as a head is turned and tilted
    misplaced = ops.sum(_huber(off), axis=-1) + ops.sum(_huber(between), axis=-1)
    middles, halves = answer["box"][:, :2], ops.exp(answer["box"][:, 2:]) / (2 * CONTEXT)
    boxes = ops.concatenate([middles - halves, middles + halves], axis=-1)
    _, misfit = compare(boxes, truth["boxes"])
    return {
        "face": ops.mean(ops.softplus(score) - face * score),
        "point": POINT_WEIGHT * _mean_where(misplaced, truth["pointed"]),
        "box": BOX_WEIGHT * _mean_where(misfit, truth["boxed"]),
    }


def _mean_where(values: Any, known: Any) -> Any:
    return ops.sum(values * known) / ops.maximum(ops.sum(known), 1.0)


def _huber(off: Any) -> Any:
    """Return the distance, its square where it is small."""
    off = ops.absolute(off)
    return ops.where(off < SURE_WITHIN, off**2 / (2 * SURE_WITHIN), off - SURE_WITHIN / 2)
