"""Training of the refiner, by the errors of the detector whose finds it looks at again."""

import logging
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from keras import ops
from numpy.typing import NDArray

from converter.detector.average_precision import overlaps
from converter.detector.evaluate import REFERENCE_SIZE
from converter.detector.loss import compare
from converter.detector.sample_generator import Matrix, SampleGenerator, downscale, warp
from converter.detector.samples import TrainingData, TrainingSample
from converter.detector.train import Targets, train_network
from converter.models import REFINER_SIDE as SIDE
from converter.models import refiner
from converter.recipes import RefinerRecipe, SampleGeneratorConfig
from converter.train.augmentation import augment_image
from converter.train.loop import SeededBatches, use_precision
from converter.train.run_dir import prepare_run_dir
from edge.detect.builtin import CONTEXT
from edge.errors import DataError
from edge.types import Face, Image

Finder = Callable[[Image], Sequence[Face]]  # of a detector, without a refiner

log = logging.getLogger(__name__)

MIN_CONFIDENCE = 0.1  # of what a detector finds, so that it is learned from and weighed
MIN_FACE_IOU = 0.5  # overlap (IoU) with a face from which a candidate is one
MAX_ERROR_IOU = 0.3  # that with every face below which it is none
MAX_IGNORED_IOU = 0.05  # the same of what may be a face
NO_FACE, UNCLEAR = -1, -2  # in the place of the face that a candidate is of
MAX_ERRORS = 8  # errors of a sample that are collected, the surest
MARGIN = 2.0  # sides of a crop that are kept around a candidate, so that it can be turned and moved

# How crops are relit and spoilt; generated samples were spoilt before.
PHOTOMETRIC = SampleGeneratorConfig(blurred=0.06, noisy=0.06, compressed=0.1)
PANELS = {"loss": {"face": "face", "point": "point", "box": "box"}}  # what the curves show
SURE_WITHIN = 0.02  # sides of the crop within which a point's error counts by its square
POINT_WEIGHT, BOX_WEIGHT = 0.5, 0.6

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
    def around(cls, box: NDArray[np.floating]) -> "CropSquare":
        """Return the square that the refiner sees of a box."""
        x1, y1, x2, y2 = box.tolist()
        return cls((x1 + x2) / 2, (y1 + y2) / 2, CONTEXT * max(x2 - x1, y2 - y1))


class Crop(NamedTuple):
    """A candidate of a detector, with a margin around it for turns and shifts.

    `image` is uint8 (MARGIN * SIDE, MARGIN * SIDE, 3); `places` are four points and two corners of
    the face's box, float32 (6, 2), in sides of what the refiner sees from its middle; NaN: unknown.
    """

    image: Image
    places: NDArray[np.float32]


def collect_candidates(
    find: Finder, generator: SampleGenerator, count: int, rng: np.random.Generator
) -> tuple[Sequence[Crop], Sequence[Crop]]:
    """Return the faces that a detector finds in `count` samples, and its errors.

    Both become crops in the same way, so that nothing but a face tells them apart. DataError where
    it finds none of either.
    """
    faces: list[Crop] = []
    errors: list[Crop] = []
    width, height = REFERENCE_SIZE
    for _ in range(count):
        sample = generator.draw(height, width, rng)
        boxes = (np.array(face.box, np.float64) for face in find(sample.image))
        owners = [(box, match(box, sample.boxes, sample.ignored)) for box in boxes]
        faces += [_crop(sample, box, owner) for box, owner in owners if owner >= 0]
        wrong = [box for box, owner in owners if owner == NO_FACE][:MAX_ERRORS]
        errors += [_crop(sample, box, NO_FACE) for box in wrong]
    if not faces or not errors:
        found = f"{len(faces)} and {len(errors)} in {count} samples; raise the recipe's `samples`"
        raise DataError(f"expected faces and errors of the detector to learn from, found {found}")
    return faces, errors


def _crop(sample: TrainingSample, box: NDArray[np.float64], owner: int) -> Crop:
    """Return what lies in and around a box, and the points and box of its owner."""
    square = CropSquare.around(box)
    wide = square._replace(side=MARGIN * square.side)
    places = np.full((6, 2), np.nan)
    if owner != NO_FACE:
        places[:4], places[4:] = sample.points[owner], sample.boxes[owner].reshape(2, 2)
    places = (places - (square.x, square.y)) / square.side
    return Crop(wide.cut(sample.image, round(MARGIN * SIDE)), places.astype(np.float32))


def match(box: NDArray[np.float64], faces: NDArray[np.floating], ignored: NDArray[np.bool_]) -> int:
    """Return which face a candidate is of, `NO_FACE` or `UNCLEAR`."""
    shared = overlaps(box[None], faces)[0]
    if (shared < np.where(ignored, MAX_IGNORED_IOU, MAX_ERROR_IOU)).all():
        return NO_FACE
    best = int(shared.argmax())
    return best if shared[best] >= MIN_FACE_IOU and not ignored[best] else UNCLEAR


class CropBatches(SeededBatches):
    """Batches of (crops (n, SIDE, SIDE, 3), targets), one half faces.

    The targets are `face` (n,), 0 or 1; `points` (n, 8) and `boxes` (n, 4), xyxy, in sides of the
    crop from its middle; `pointed` and `boxed` (n,), 0 where unknown. Turned faces have no box.
    """

    def __init__(
        self, faces: Sequence[Crop], errors: Sequence[Crop], recipe: RefinerRecipe
    ) -> None:
        super().__init__(recipe, recipe.steps)
        self._faces, self._errors, self._recipe = faces, errors, recipe

    def draw(self, index: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Targets]:
        """Draw faces and errors, and spoil them."""
        size = self._recipe.batch_size
        half = size // 2
        kinds = [self._faces] * half + [self._errors] * (size - half)
        views = [self._view(kind[int(rng.integers(len(kind)))], rng) for kind in kinds]
        crops = np.stack([augment_image(view.image, PHOTOMETRIC, rng) for view in views])
        places = np.stack([view.places.ravel() for view in views])
        points, boxes = places[:, :8], places[:, 8:]
        targets: Targets = {
            "face": (np.arange(size) < half).astype(np.float32),
            "points": np.nan_to_num(points),
            "pointed": np.asarray(~np.isnan(points).any(axis=1), np.float32),
            "boxes": np.nan_to_num(boxes),
            "boxed": np.asarray(~np.isnan(boxes).any(axis=1), np.float32),
        }
        return crops, targets

    def _view(self, crop: Crop, rng: np.random.Generator) -> Crop:
        """Return what the refiner sees of a crop, moved, mirrored and turned by chance."""
        recipe, middle = self._recipe, MARGIN * SIDE / 2
        right, down = (SIDE / CONTEXT * recipe.shift * rng.standard_normal(2)).tolist()
        larger = float(np.exp(rng.normal(0, recipe.scale)))
        turn = float(rng.uniform(-recipe.turn, recipe.turn)) if rng.random() < 0.5 else 0.0
        square = CropSquare(middle + right, middle + down, larger * SIDE, turn)
        image, matrix = square.cut(crop.image), square.matrix()
        places = crop.places * SIDE + middle
        places = (places @ matrix[:, :2].T + matrix[:, 2]) / SIDE - 0.5
        if rng.random() < 0.5:
            # The eyes change sides.
            image, places = image[:, ::-1], (places * [-1, 1])[[1, 0, 2, 3, 4, 5]]
            places[4:, 0] = places[:3:-1, 0]  # so do left and right of the box
        if turn:
            places[4:] = np.nan
        return Crop(np.ascontiguousarray(image), np.asarray(places, np.float32))


def train_refiner(recipe: RefinerRecipe, find: Finder, data: TrainingData, directory: Path) -> Path:
    """Train the refiner on what a detector finds in its training data; errors as there."""
    prepare_run_dir(directory, recipe)
    use_precision(recipe.dtype)
    rng = np.random.default_rng(recipe.seed)
    generator = SampleGenerator(data.samples, data.closeups, data.empty, recipe.scenes)
    faces, errors = collect_candidates(find, generator, recipe.samples, rng)
    counts = len(faces), len(errors), recipe.samples
    log.info("%d faces and %d errors of the detector in %d samples", *counts)
    batches = CropBatches(faces, errors, recipe)
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
