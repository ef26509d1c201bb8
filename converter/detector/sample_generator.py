"""Training pictures: parts of photographs at many scales, side by side, relit and spoilt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.detector.synthetic_backgrounds import draw_backdrop
from converter.detector.samples import Lesson
from converter.detector.spoiling import spoil
from converter.recipes.detector import SceneRecipe
from edge.types import Image

SEEN = 0.5
"""Share of a box inside the picture from which it is a face still; less is not judged."""

FILLS = (0.5, 1.1)
"""Height of a face that fills a picture, in heights of the picture."""

SMALL_SHARE = 0.85
"""A face smaller than this share of the smallest that is drawn is not judged."""


Matrix = NDArray[np.float64]
"""Takes pixels of a photograph to pixels of a scene, (2, 3)."""


@dataclass(frozen=True, slots=True)
class View:
    """What of a photograph a scene shows.

    Attributes:
        height, width: of the scene in pixels.
        zoom: pixels of the scene for one of the photograph.
        middle: a place in the photograph that is to be seen; None takes any.
    """

    height: int
    width: int
    zoom: float
    middle: tuple[float, float] | None = None


class Studio:
    """Draws scenes.

    Args:
        lessons: photographs with faces.
        portraits: faces cut close, with their boxes and points: the large ones.
        empty: photographs without faces.
        how: shares and ranges.

    Attributes:
        weights: (empty,), how often each photograph without faces is shown, summing to 1.
    """

    def __init__(
        self,
        lessons: Sequence[Lesson],
        portraits: Sequence[Lesson],
        empty: Sequence[Image],
        how: SceneRecipe,
    ) -> None:
        self.weights = np.full(len(empty), 1 / max(len(empty), 1))
        self._lessons = lessons
        self._portraits = portraits
        self._empty = empty
        self._how = how
        tallest = np.array([_heights(one).max(initial=0) for one in lessons])
        self._by_height = np.argsort(tallest)
        self._tallest = tallest[self._by_height]

    def draw(self, height: int, width: int, rng: np.random.Generator) -> Lesson:
        """Return a scene of that size, in pixels."""
        scene = self._scene(height, width, rng)
        return replace(scene, image=spoil(scene.image, self._how, rng))

    def _scene(self, height: int, width: int, rng: np.random.Generator) -> Lesson:
        kind, how = rng.random(), self._how
        if kind < how.mosaic:
            return self._mosaic(height, width, rng)
        if kind < how.mosaic + how.empty:
            return self._without_faces(height, width, rng)
        if kind < how.mosaic + how.empty + how.portraits and self._portraits:
            return self._portrait(height, width, rng)
        if kind > 1 - how.close:
            return self._close(height, width, rng)
        return self._part(height, width, how.largest, rng)

    def _part(self, height: int, width: int, largest: float, rng: np.random.Generator) -> Lesson:
        """Cut a part of a photograph, mostly so that one of its faces has a size drawn evenly."""
        how = self._how
        size = _evenly(how.smallest, largest, rng)
        lesson = self._lessons[self._with_height(size / how.zoom, rng)]
        boxes = lesson.boxes[_heights(lesson) >= size / how.zoom]
        fit = _fit(lesson.image, height, width)
        if len(boxes) == 0 or rng.random() < how.whole:
            return _cut(lesson, View(height, width, fit * rng.uniform(0.8, 1.4)), how, rng)
        x1, y1, x2, y2 = boxes[int(rng.integers(len(boxes)))].tolist()
        zoom = size / (y2 - y1)
        if zoom < 0.8 * fit and rng.random() < how.filled:
            zoom = fit * rng.uniform(0.8, 1.1)  # rather a larger face than an empty picture
        middle = ((x1 + x2) / 2, (y1 + y2) / 2)
        return _cut(lesson, View(height, width, zoom, middle), how, rng)

    def _with_height(self, height: float, rng: np.random.Generator) -> int:
        """Return a photograph with a face so high at least; any, where there is none."""
        first = int(np.searchsorted(self._tallest, height))
        number = rng.integers(first if first < len(self._tallest) else 0, len(self._tallest))
        return int(self._by_height[number])

    def _mosaic(self, height: int, width: int, rng: np.random.Generator) -> Lesson:
        """Put four parts side by side (Bochkovskiy et al. 2020, arXiv:2004.10934)."""
        x, y = (int(length * rng.uniform(0.35, 0.65)) for length in (width, height))
        image = np.empty((height, width, 3), np.uint8)
        tiles = []
        for left, right in ((0, x), (x, width)):
            for top, bottom in ((0, y), (y, height)):
                tile = self._part(bottom - top, right - left, self._how.largest / 2.5, rng)
                image[top:bottom, left:right] = tile.image
                tiles.append(_shifted(tile, left, top))
        return Lesson(
            image,
            np.concatenate([tile.boxes for tile in tiles]),
            np.concatenate([tile.points for tile in tiles]),
            np.concatenate([tile.ignored for tile in tiles]),
        )

    def _without_faces(self, height: int, width: int, rng: np.random.Generator) -> Lesson:
        """Cut a part of a photograph without faces, or draw one."""
        nothing = (np.empty((0, 4), np.float32), np.empty((0, 4, 2), np.float32), np.empty(0, bool))
        if not len(self._empty) or rng.random() < self._how.drawn:
            return Lesson(draw_backdrop(height, width, rng), *nothing)
        image = self._empty[int(rng.choice(len(self._empty), p=self.weights))]
        zoom = _fit(image, height, width) * _evenly(0.8, 3.0, rng)
        scene = _cut(Lesson(image, *nothing), View(height, width, zoom), self._how, rng)
        # They may all be grey: grey must not be what tells that there is no face.
        tint = np.exp(rng.normal(0, self._how.empty_tint, 3))
        return replace(scene, image=np.clip(scene.image * tint, 0, 255).astype(np.uint8))

    def _portrait(self, height: int, width: int, rng: np.random.Generator) -> Lesson:
        """Lay a face that is cut close into a picture without one."""
        behind = self._without_faces(height, width, rng).image
        portrait = self._portraits[int(rng.integers(len(self._portraits)))]
        tall = portrait.boxes[0, 3] - portrait.boxes[0, 1]
        zoom = _evenly(self._how.near, self._how.largest, rng) / float(tall)
        return _laid(portrait, behind, zoom, self._how, rng)

    def _close(self, height: int, width: int, rng: np.random.Generator) -> Lesson:
        """Cut a face so that it fills a picture, which is fitted into the scene's upper left."""
        how, share = self._how, rng.uniform(*FILLS)
        lesson = self._lessons[self._with_height(share * height / how.zoom, rng)]
        if self._portraits and rng.random() < 0.5:
            lesson = self._portraits[int(rng.integers(len(self._portraits)))]
        x1, y1, x2, y2 = lesson.boxes[int(_heights(lesson).argmax())].tolist()
        wide = int(min(width, height * rng.uniform(0.7, 1.4)))
        matrix = _turned(((x1 + x2) / 2, (y1 + y2) / 2), share * height / (y2 - y1), how, rng)
        matrix[:, 2] += np.array([wide, height]) * rng.uniform(0.4, 0.6, 2)
        _mirror(matrix, wide, rng)
        part = cv2.warpAffine(
            lesson.image, _of_middles(matrix), (wide, height), borderMode=cv2.BORDER_REPLICATE
        )
        close = _judged(
            _moved(lesson, np.asarray(part, np.uint8), matrix), SMALL_SHARE * how.smallest
        )
        image = np.zeros((height, width, 3), np.uint8)
        image[:, :wide] = part
        return replace(close, image=image)


def _heights(lesson: Lesson) -> NDArray[np.float32]:
    """Return the heights of the faces, (n,), 0 of those that are not judged."""
    return np.where(lesson.ignored, 0, lesson.boxes[:, 3] - lesson.boxes[:, 1])


def _evenly(low: float, high: float, rng: np.random.Generator) -> float:
    """Draw a size so that each doubling of it is as likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _fit(image: Image, height: int, width: int) -> float:
    """Return the zoom at which a picture just fits."""
    rows, columns = image.shape[:2]
    return float(min(height / rows, width / columns))


def _cut(lesson: Lesson, view: View, how: SceneRecipe, rng: np.random.Generator) -> Lesson:
    """Return what a view shows, its middle anywhere, turned a little and mirrored by chance."""
    rows, columns = lesson.image.shape[:2]
    x, y = view.middle or (rng.uniform(0.3, 0.7) * columns, rng.uniform(0.3, 0.7) * rows)
    matrix = _turned((x, y), view.zoom, how, rng)
    matrix[:, 2] += rng.uniform(0.1, 0.9, 2) * (view.width, view.height)
    if rng.random() < how.filled:
        _fill(matrix, (columns, rows), (view.width, view.height))
    _mirror(matrix, view.width, rng)
    border = rng.integers(0, 256, 3).tolist() if rng.random() < 0.3 else (0, 0, 0)
    image, halved = _halved(lesson.image, matrix)
    size = (view.width, view.height)
    between = _of_middles(halved)
    warped = cv2.warpAffine(image, between, size, flags=cv2.INTER_LINEAR, borderValue=border)
    smallest = SMALL_SHARE * how.smallest
    return _judged(_moved(lesson, np.asarray(warped, np.uint8), matrix), smallest)


def _turned(
    place: tuple[float, float], zoom: float, how: SceneRecipe, rng: np.random.Generator
) -> Matrix:
    """Return what takes a place to 0, 0 and enlarges the rest around it, turned by chance."""
    turn = float(rng.uniform(-how.turn, how.turn)) if rng.random() < 0.5 else 0.0
    matrix = np.array(cv2.getRotationMatrix2D(place, turn, zoom), np.float64)
    matrix[:, 2] -= place
    return matrix


def _mirror(matrix: Matrix, width: int, rng: np.random.Generator) -> None:
    """Swap left and right of a scene by chance."""
    if rng.random() < 0.5:
        matrix[0] = np.array([0, 0, width]) - matrix[0]


def _fill(matrix: Matrix, size: tuple[int, int], frame: tuple[int, int]) -> None:
    """Move a photograph so that as little of the scene as possible lies beside it."""
    columns, rows = size
    corners = matrix @ np.array([[0, columns, 0, columns], [0, 0, rows, rows], [1, 1, 1, 1]])
    low, high = corners.min(axis=1), corners.max(axis=1)
    room = np.array(frame) - (high - low)
    matrix[:, 2] += np.clip(low, np.minimum(room, 0), np.maximum(room, 0)) - low


def _halved(image: Image, matrix: Matrix) -> tuple[Image, Matrix]:
    """Halve a picture that shrinks until a warp skips no pixels; return it and its own matrix."""
    matrix = matrix.copy()
    while _zoom(matrix) <= 0.6 and min(image.shape[:2]) > 2:
        rows, columns = image.shape[:2]
        image = np.asarray(
            cv2.resize(image, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA), np.uint8
        )
        matrix[:, :2] *= columns / image.shape[1], rows / image.shape[0]
    return image, matrix


def _of_middles(matrix: Matrix) -> Matrix:
    """Return a matrix for a warp, to which 0 is the middle of the first pixel and not its edge."""
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    return matrix


def _zoom(matrix: Matrix) -> float:
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def _moved(lesson: Lesson, image: Image, matrix: Matrix) -> Lesson:
    """Take boxes and points where the matrix takes the picture; a box stays upright."""
    linear, shift = matrix[:, :2].T.astype(np.float32), matrix[:, 2].astype(np.float32)
    middles = (lesson.boxes[:, :2] + lesson.boxes[:, 2:]) / 2 @ linear + shift
    halves = (lesson.boxes[:, 2:] - lesson.boxes[:, :2]) / 2 * np.float32(_zoom(matrix))
    points = lesson.points @ linear + shift
    if np.linalg.det(linear) < 0:  # mirrored: the person's right eye is the left one now
        points = points[:, [1, 0, 2, 3]]
    boxes = np.concatenate([middles - halves, middles + halves], axis=1)
    return Lesson(image, boxes, points, lesson.ignored)


def _judged(scene: Lesson, smallest: float) -> Lesson:
    """Leave out the faces beyond the edge, and do not judge those half beyond it or too small."""
    height, width = scene.image.shape[:2]
    boxes = scene.boxes
    inside = np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6), axis=1)
    seen = np.prod(inside[:, 2:] - inside[:, :2], axis=1) / area
    unclear = scene.ignored | (seen < SEEN) | (boxes[:, 3] - boxes[:, 1] < smallest)
    kept = seen > 0
    return Lesson(scene.image, inside[kept], scene.points[kept], unclear[kept])


def _laid(
    portrait: Lesson, behind: Image, zoom: float, how: SceneRecipe, rng: np.random.Generator
) -> Lesson:
    """Blend a portrait into a picture, tinted as skin is and fading out at its edge."""
    height, width = behind.shape[:2]
    side = portrait.image.shape[0]
    matrix = _turned((side / 2, side / 2), zoom, how, rng)
    matrix[:, 2] += rng.uniform(0.2, 0.8, 2) * (width, height)
    _mirror(matrix, width, rng)
    rim = side // 8
    mask = np.zeros((side, side), np.float32)
    mask[rim:-rim, rim:-rim] = 1
    between = _of_middles(matrix)
    face, veil = (
        cv2.warpAffine(part, between, (width, height), flags=cv2.INTER_LINEAR)
        for part in (portrait.image, cv2.blur(mask, (rim, rim)))
    )
    tint = np.sort(rng.uniform(0.55, 1.0, 3)) if rng.random() < 0.7 else np.ones(3)
    blended = behind + (face * tint - behind) * np.asarray(veil)[..., None]
    return _judged(_moved(portrait, np.clip(blended, 0, 255).astype(np.uint8), matrix), 0.0)


def _shifted(scene: Lesson, left: int, top: int) -> Lesson:
    shift = np.array([left, top], np.float32)
    boxes, points = scene.boxes + np.tile(shift, 2), scene.points + shift
    return Lesson(scene.image, boxes, points, scene.ignored)
