"""Crops that the refinement network learns from: faces, and what the detector takes for one."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from converter.detector.average_precision import overlaps
from converter.detector.samples import Lesson
from converter.detector.sample_generator import Studio
from converter.detector.spoiling import spoil
from converter.detector.watching import ask
from converter.models.detector import Model
from converter.models.refiner import SIDE
from converter.recipes.detector import SceneRecipe
from converter.recipes.refiner import RefinerRecipe
from edge.detect.builtin import cells, decode, nms
from edge.detect.refiner import CONTEXT
from edge.types import Image

DOUBTFUL = 0.15
"""Confidence from which what the detector takes for a face is collected."""

APART, PART = 0.3, 0.5
"""Overlap (IoU) with a face below which a candidate is none, and from which it is one."""

MOST = 8
"""Candidates of a scene that are collected, the surest."""

KEPT = 2.0
"""Sides of a crop that are kept around a candidate, so that it can be turned and moved."""

LIT = SceneRecipe(blurred=0.06, noisy=0.06, compressed=0.1)
"""How crops are relit and spoilt; scenes were spoilt before."""

Truth = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Place:
    """A square of a picture, cut out as `SIDE` pixels.

    Attributes:
        x, y: its middle in pixels of the picture.
        side: likewise.
        turn: degrees by which what is cut out is turned, counter-clockwise.
    """

    x: float
    y: float
    side: float
    turn: float = 0.0

    def matrix(self, pixels: int = SIDE) -> NDArray[np.float64]:
        """Return what takes pixels of the picture to those of the crop, (2, 3)."""
        zoom = pixels / self.side
        matrix = np.array(cv2.getRotationMatrix2D((self.x, self.y), self.turn, zoom), np.float64)
        matrix[:, 2] += [pixels / 2 - self.x, pixels / 2 - self.y]
        return matrix

    def cut(self, image: Image, pixels: int = SIDE) -> Image:
        """Return the crop; beyond the picture it is black."""
        matrix = self.matrix(pixels)
        while np.sqrt(abs(np.linalg.det(matrix[:, :2]))) <= 0.6 and min(image.shape[:2]) > 2:
            image = np.asarray(
                cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
            )
            matrix[:, :2] *= 2
        matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # to a warp 0 is a pixel's middle
        cut = cv2.warpAffine(image, matrix, (pixels, pixels), flags=cv2.INTER_LINEAR)
        return np.asarray(cut, np.uint8)


def collect_errors(
    network: Model, studio: Studio, count: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return what a detector takes for faces in scenes, uint8 (n, side, side, 3).

    Args:
        network: the detector.
        studio: draws the scenes.
        count: of them.
        rng: of the draws.
    """
    _, height, width, _ = network.input_shape
    grid = cells((height, width), (8, 16, 32))
    errors: list[Image] = []
    for _ in range(0, count, 32):
        scenes = [studio.draw(height, width, rng) for _ in range(32)]
        answer = ask(network, np.stack([scene.image for scene in scenes]))
        for scene, scores, boxes in zip(scenes, answer["scores"], answer["boxes"], strict=True):
            confidences, values = decode(scores, boxes, grid, DOUBTFUL)
            found = values[nms(confidences, values)[:MOST]]
            errors.extend(_around(scene.image, box) for box in _nobodys(found, scene))
    return np.stack(errors)


def _nobodys(found: NDArray[np.float32], scene: Lesson) -> NDArray[np.float32]:
    """Return the boxes that are of no face, and of nothing that may be one."""
    if not len(scene.boxes):
        return found
    shared = overlaps(found.astype(np.float32), scene.boxes)
    return found[(shared < np.where(scene.ignored, 0.05, APART)).all(axis=1)]


def square_of(box: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return middle and side of the crop of a box: left, top, right, bottom."""
    x1, y1, x2, y2 = box.tolist()
    return (x1 + x2) / 2, (y1 + y2) / 2, CONTEXT * max(x2 - x1, y2 - y1)


def _around(image: Image, box: NDArray[np.float32]) -> Image:
    x, y, side = square_of(box)
    return Place(x, y, KEPT * side).cut(image, round(KEPT * SIDE))


class CropBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of (crops (n, SIDE, SIDE, 3), truth), one half faces.

    Every batch is drawn from (seed, epoch, index) alone. The truth is `face` (n,), 0 or 1; `points`
    (n, 8) in sides of the crop from its middle; `pointed` (n,), 0 where these are unknown.

    Args:
        lessons: photographs with faces, and portraits.
        errors: what `collect_errors` returns.
        recipe: sizes and seed.
    """

    def __init__(
        self, lessons: Sequence[Lesson], errors: NDArray[np.uint8], recipe: RefinerRecipe
    ) -> None:
        super().__init__()
        self._lessons = lessons
        self._errors = errors
        self._recipe = recipe
        self._faces, self._heights = _by_height(lessons)
        self.epoch = 0

    def __len__(self) -> int:
        return self._recipe.steps

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Truth]:
        rng = np.random.default_rng((self._recipe.seed, self.epoch, index))
        half = self._recipe.batch_size // 2
        faces = [self._face(rng) for _ in range(half)]
        others = [self._error(rng) for _ in range(self._recipe.batch_size - half)]
        unknown = [np.full((4, 2), np.nan, np.float32)] * len(others)
        images = [*(image for image, _ in faces), *others]
        crops = np.stack([spoil(image, LIT, rng) for image in images])
        points = np.stack([*(points for _, points in faces), *unknown]).reshape(len(crops), 8)
        truth: Truth = {
            "face": np.repeat(np.array([1, 0], np.float32), [half, len(others)]),
            "points": np.nan_to_num(points),
            "pointed": np.asarray(~np.isnan(points).any(axis=1), np.float32),
        }
        return crops, truth

    def _face(self, rng: np.random.Generator) -> tuple[Image, NDArray[np.float32]]:
        """Draw a face of a size drawn evenly, and its points, (4, 2)."""
        low, high = np.log(self._recipe.smallest), np.log(self._heights[-1])
        tall = np.exp(rng.uniform(low, high))
        first = min(int(np.searchsorted(self._heights, tall)), len(self._faces) - 1)
        number, row = self._faces[int(rng.integers(first, len(self._faces)))]
        lesson = self._lessons[number]
        place = self._moved(*square_of(lesson.boxes[row]), rng)
        height = float(lesson.boxes[row, 3] - lesson.boxes[row, 1])
        image = place.cut(lesson.image)
        if tall < min(height, SIDE / CONTEXT):  # as a small face looks once it is enlarged
            small = max(4, round(SIDE * tall / (SIDE / CONTEXT)))
            small_image = place.cut(lesson.image, small)
            image = np.asarray(cv2.resize(small_image, (SIDE, SIDE)), np.uint8)
        matrix = place.matrix()
        points = (lesson.points[row] @ matrix[:, :2].T + matrix[:, 2]) / SIDE - 0.5
        if rng.random() < 0.5:
            image, points = image[:, ::-1], (points * [-1, 1])[[1, 0, 2, 3]]
        return np.ascontiguousarray(image), points.astype(np.float32)

    def _error(self, rng: np.random.Generator) -> Image:
        kept = self._errors[int(rng.integers(len(self._errors)))]
        middle = len(kept) / 2
        image = self._moved(middle, middle, SIDE, rng).cut(kept)
        return np.ascontiguousarray(image[:, ::-1] if rng.random() < 0.5 else image)

    def _moved(self, x: float, y: float, side: float, rng: np.random.Generator) -> Place:
        """Return a square as far off as a detector's box is, turned."""
        recipe, height = self._recipe, side / CONTEXT
        right, down = rng.normal(0, recipe.shift * height, 2).tolist()
        larger = float(np.exp(rng.normal(0, recipe.scale)))
        turn = float(rng.uniform(-recipe.turn, recipe.turn))
        return Place(x + right, y + down, larger * side, turn)


def _by_height(lessons: Sequence[Lesson]) -> tuple[list[tuple[int, int]], NDArray[np.float64]]:
    """Return lesson and row of every judged face, the smallest first, and the heights."""
    faces = [
        (float(lesson.boxes[row, 3] - lesson.boxes[row, 1]), number, int(row))
        for number, lesson in enumerate(lessons)
        for row in np.flatnonzero(~lesson.ignored)
    ]
    faces.sort()
    return [(number, row) for _, number, row in faces], np.array([height for height, _, _ in faces])
