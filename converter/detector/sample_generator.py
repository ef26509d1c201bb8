"""Generator of training samples: parts of images, relit and spoilt; some show no face."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.detector.samples import TrainingSample
from converter.recipes import SampleGeneratorConfig
from converter.train.augmentation import Rng, augment_image
from edge.types import Image

MIN_VISIBLE = 0.5  # share of a box inside the image from which it is a face still; less is ignored
FILLS = (0.5, 1.1)  # height of a face that fills an image, in heights of the image
SMALL_SHARE = 0.85  # a face smaller than this share of the smallest that is drawn is ignored
Place = tuple[float, float]
Matrix = NDArray[np.float64]  # takes pixels of an image to pixels of a sample, (2, 3)


class SampleGenerator:
    """Draws training samples; `weights` say how often each empty image is shown, 1 in all."""

    def __init__(
        self,
        samples: Sequence[TrainingSample],
        closeups: Sequence[TrainingSample],
        empty: Sequence[TrainingSample],
        config: SampleGeneratorConfig,
    ) -> None:
        self.weights = np.full(len(empty), 1 / max(len(empty), 1))
        self._samples, self._closeups, self._empty = samples, closeups, empty
        self._config = config
        tallest = np.array([one.heights.max(initial=0) for one in samples])
        self._by_height = np.argsort(tallest)
        self._tallest = tallest[self._by_height]

    def draw(self, height: int, width: int, rng: Rng) -> TrainingSample:
        """Return a sample of that size, in pixels."""
        kind, config = rng.random(), self._config
        if kind < config.mosaic:
            sample = self._mosaic(height, width, rng)
        elif kind < config.mosaic + config.empty:
            sample = self._background(height, width, rng)
        elif kind < config.mosaic + config.empty + config.portraits and self._closeups:
            sample = self._closeup(height, width, rng)
        elif kind > 1 - config.close:
            sample = self._close(height, width, rng)
        else:
            sample = self._part(height, width, config.largest, rng)
        return replace(sample, image=augment_image(sample.image, config, rng))

    def _part(self, height: int, width: int, largest: float, rng: Rng) -> TrainingSample:
        """Cut a part of an image, mostly so that one of its faces has a size drawn evenly."""
        config = self._config
        size = _log_uniform(config.smallest, largest, rng)
        sample = self._with_face(size / config.zoom, rng)
        boxes = sample.boxes[sample.heights >= size / config.zoom]
        fit = _fit(sample.image, height, width)
        if len(boxes) == 0 or rng.random() < config.whole:
            return self._crop(sample, (height, width), fit * rng.uniform(0.8, 1.4), rng)
        x1, y1, x2, y2 = boxes[int(rng.integers(len(boxes)))].tolist()
        zoom = size / (y2 - y1)
        if zoom < 0.8 * fit and rng.random() < config.filled:
            zoom = fit * rng.uniform(0.8, 1.1)  # rather a larger face than an empty image
        return self._crop(sample, (height, width), zoom, rng, ((x1 + x2) / 2, (y1 + y2) / 2))

    def _with_face(self, height: float, rng: Rng) -> TrainingSample:
        """Draw an image with a face of that height or, without one, any."""
        first = int(np.searchsorted(self._tallest, height))
        number = rng.integers(first if first < len(self._tallest) else 0, len(self._tallest))
        return self._samples[int(self._by_height[number])]

    def _mosaic(self, height: int, width: int, rng: Rng) -> TrainingSample:
        """Put four parts side by side (Bochkovskiy et al. 2020, arXiv:2004.10934)."""
        x, y = (int(length * rng.uniform(0.35, 0.65)) for length in (width, height))
        image = np.empty((height, width, 3), np.uint8)
        tiles = []
        for left, right in ((0, x), (x, width)):
            for top, bottom in ((0, y), (y, height)):
                tile = self._part(bottom - top, right - left, self._config.largest / 2.5, rng)
                image[top:bottom, left:right] = tile.image
                shift = np.array([left, top, left, top], np.float32)
                tile = replace(tile, boxes=tile.boxes + shift, points=tile.points + shift[:2])
                tiles.append(tile)
        faces = ([tile.boxes, tile.points, tile.ignored] for tile in tiles)
        return TrainingSample(image, *map(np.concatenate, zip(*faces, strict=True)))

    def _background(self, height: int, width: int, rng: Rng) -> TrainingSample:
        """Cut a part of an image without faces, or draw one."""
        if not len(self._empty) or rng.random() < self._config.drawn:
            nothing = np.empty((0, 4, 2), np.float32)
            drawn = draw_background(height, width, rng)
            return TrainingSample(drawn, nothing[..., 0], nothing, np.empty(0, bool))
        empty = self._empty[int(rng.choice(len(self._empty), p=self.weights))]
        zoom = _fit(empty.image, height, width) * _log_uniform(0.8, 3.0, rng)
        sample = self._crop(empty, (height, width), zoom, rng)
        # They may all be gray: gray must not be what tells that there is no face.
        tints = np.exp(rng.normal(0, self._config.empty_tint, 3))
        table = np.clip(np.arange(256)[:, None] * tints, 0, 255).astype(np.uint8)
        return replace(sample, image=np.asarray(cv2.LUT(sample.image, table[None]), np.uint8))

    def _closeup(self, height: int, width: int, rng: Rng) -> TrainingSample:
        """Blend a face that is cut close, tinted as skin is, into an image without one."""
        behind = self._background(height, width, rng).image
        closeup = self._closeups[int(rng.integers(len(self._closeups)))]
        side = closeup.image.shape[0]
        zoom = _log_uniform(self._config.near, self._config.largest, rng)
        zoom /= float(closeup.boxes[0, 3] - closeup.boxes[0, 1])
        matrix = _rotation((side / 2, side / 2), zoom, self._config, rng)
        matrix[:, 2] += rng.uniform(0.2, 0.8, 2) * (width, height)
        _mirror(matrix, width, rng)
        rim = side // 8
        mask = np.zeros((side, side), np.float32)
        mask[rim:-rim, rim:-rim] = 1
        face = warp(closeup.image, matrix, (width, height))
        alpha = warp(cv2.blur(mask, (rim, rim)), matrix, (width, height))
        tint = np.sort(rng.uniform(0.55, 1.0, 3)) if rng.random() < 0.7 else np.ones(3)
        blended = behind + (face * tint.astype(np.float32) - behind) * alpha[..., None]
        return _moved(closeup, np.clip(blended, 0, 255).astype(np.uint8), matrix, smallest=0.0)

    def _close(self, height: int, width: int, rng: Rng) -> TrainingSample:
        """Cut a face so that it fills an image, which is fitted into the sample's upper left."""
        config, share = self._config, rng.uniform(*FILLS)
        sample = self._with_face(share * height / config.zoom, rng)
        if self._closeups and rng.random() < 0.5:
            sample = self._closeups[int(rng.integers(len(self._closeups)))]
        x1, y1, x2, y2 = sample.boxes[int(sample.heights.argmax())].tolist()
        wide = int(min(width, height * rng.uniform(0.7, 1.4)))
        matrix = _rotation(((x1 + x2) / 2, (y1 + y2) / 2), share * height / (y2 - y1), config, rng)
        matrix[:, 2] += np.array([wide, height]) * rng.uniform(0.4, 0.6, 2)
        _mirror(matrix, wide, rng)
        part = warp(sample.image, matrix, (wide, height), borderMode=cv2.BORDER_REPLICATE)
        close = _moved(sample, part, matrix, SMALL_SHARE * config.smallest)
        image = np.zeros((height, width, 3), np.uint8)
        image[:, :wide] = part
        return replace(close, image=image)

    def _crop(
        self,
        sample: TrainingSample,
        shape: tuple[int, int],
        zoom: float,
        rng: Rng,
        middle: Place | None = None,
    ) -> TrainingSample:
        """Cut a part of height and width `shape` that shows the place `middle`, if it is given."""
        config, (height, width) = self._config, shape
        rows, columns = sample.image.shape[:2]
        place = middle or (rng.uniform(0.3, 0.7) * columns, rng.uniform(0.3, 0.7) * rows)
        matrix = _rotation(place, zoom, config, rng)
        matrix[:, 2] += rng.uniform(0.1, 0.9, 2) * (width, height)
        if rng.random() < config.filled:
            _fill_frame(matrix, (columns, rows), (width, height))
        _mirror(matrix, width, rng)
        border = rng.integers(0, 256, 3).tolist() if rng.random() < 0.3 else (0, 0, 0)
        warped = warp(*downscale(sample.image, matrix), shape[::-1], borderValue=border)
        return _moved(sample, warped, matrix, SMALL_SHARE * config.smallest)


def _zoom(matrix: Matrix) -> float:
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def _log_uniform(low: float, high: float, rng: Rng) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _fit(image: Image, height: int, width: int) -> float:
    rows, columns = image.shape[:2]
    return float(min(height / rows, width / columns))


def _rotation(place: Place, zoom: float, config: SampleGeneratorConfig, rng: Rng) -> Matrix:
    """Return what takes a place to 0, 0 and enlarges the rest around it, turned by chance."""
    turn = float(rng.uniform(-config.turn, config.turn)) if rng.random() < 0.5 else 0.0
    matrix = np.array(cv2.getRotationMatrix2D(place, turn, zoom), np.float64)
    matrix[:, 2] -= place
    return matrix


def _fill_frame(matrix: Matrix, size: tuple[int, int], frame: tuple[int, int]) -> None:
    """Move an image, by widths and heights, so that as little as possible lies beside it."""
    columns, rows = size
    corners = matrix @ np.array([[0, columns, 0, columns], [0, 0, rows, rows], [1, 1, 1, 1]])
    low, high = corners.min(axis=1), corners.max(axis=1)
    room = np.array(frame) - (high - low)
    matrix[:, 2] += np.clip(low, np.minimum(room, 0), np.maximum(room, 0)) - low


def _mirror(matrix: Matrix, width: int, rng: Rng) -> None:
    if rng.random() < 0.5:
        matrix[0] = np.array([0, 0, width]) - matrix[0]


def downscale(image: Image, matrix: Matrix) -> tuple[Image, Matrix]:
    """Halve an image that shrinks until a warp skips no pixels; return it and its own matrix."""
    matrix = matrix.copy()
    while _zoom(matrix) <= 0.6 and min(image.shape[:2]) > 2:
        rows, columns = image.shape[:2]
        half = cv2.resize(image, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
        image = np.asarray(half, np.uint8)
        matrix[:, :2] *= columns / image.shape[1], rows / image.shape[0]
    return image, matrix


def warp(image: Any, matrix: Matrix, size: tuple[int, int], **border: Any) -> NDArray[Any]:
    """Return what of an image the matrix brings into one of width and height `size`."""
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # to a warp 0 is a pixel's middle
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, **border))


def _moved(sample: TrainingSample, image: Image, matrix: Matrix, smallest: float) -> TrainingSample:
    """Take boxes and points where the matrix took the image; leave out or ignore what is cut."""
    linear, shift = matrix[:, :2].T.astype(np.float32), matrix[:, 2].astype(np.float32)
    middles = (sample.boxes[:, :2] + sample.boxes[:, 2:]) / 2 @ linear + shift
    halves = (sample.boxes[:, 2:] - sample.boxes[:, :2]) / 2 * np.float32(_zoom(matrix))
    points = sample.points @ linear + shift
    if np.linalg.det(linear) < 0:  # mirrored: the person's right eye is the left one now
        points = points[:, [1, 0, 2, 3]]
    boxes = np.concatenate([middles - halves, middles + halves], axis=1)
    height, width = image.shape[:2]
    inside = np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6), axis=1)
    visible = np.prod(inside[:, 2:] - inside[:, :2], axis=1) / area
    ignored = sample.ignored | (visible < MIN_VISIBLE) | (boxes[:, 3] - boxes[:, 1] < smallest)
    kept = visible > 0
    return TrainingSample(image, inside[kept], points[kept], ignored[kept])


def draw_background(height: int, width: int, rng: Rng) -> Image:
    """Return a drawn image without a face: on clouds of two colors, what looks like one."""
    cells = int(rng.integers(2, 40))
    coarse = rng.random((cells, cells * 4 // 3 + 1)).astype(np.float32)
    share = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    one, other = (np.array(_color(rng), np.float32) for _ in range(2))
    image = np.asarray(np.clip(one + share * (other - one), 0, 255), dtype=np.uint8)
    ways = (_stripes, _discs, _squares, _letters, _skin, _limbs)
    for _ in range(int(rng.integers(1, 4))):
        ways[int(rng.integers(len(ways)))](image, rng)
    return image


def _color(rng: Rng) -> tuple[int, ...]:
    return tuple(rng.integers(0, 256, 3).tolist())


def _skin_color(rng: Rng) -> tuple[int, ...]:
    dark, light = np.array([30, 45, 75]), np.array([190, 210, 250])  # blue, green, red
    return tuple(np.rint(dark + rng.uniform(0, 1) * (light - dark) + rng.normal(0, 8, 3)).tolist())


def _place(image: Image, rng: Rng) -> tuple[int, int]:
    height, width = image.shape[:2]
    return int(rng.integers(0, width)), int(rng.integers(0, height))


def _length(image: Image, rng: Rng) -> int:
    return int(_log_uniform(4, image.shape[0] / 2, rng))


def _stripes(image: Image, rng: Rng) -> None:
    """Bars, as of shutters, keys and shelves."""
    step, color = int(rng.integers(4, 40)), _color(rng)
    thick = max(1, step // int(rng.integers(2, 5)))
    across, reach = rng.random() < 0.5, max(image.shape[:2])
    slant = int(rng.normal(0, 20))
    x, y = _place(image, rng)
    for at in range(0, int(rng.integers(2, 12)) * step, step):
        start = (x + at, y) if across else (x, y + at)
        end = (x + at + slant, y + reach) if across else (x + reach, y + at + slant)
        cv2.line(image, start, end, color, thick)


def _discs(image: Image, rng: Rng) -> None:
    """Rings and discs, as of wheels, clocks and cups."""
    for _ in range(int(rng.integers(1, 8))):
        radius = _length(image, rng)
        place, thick = _place(image, rng), int(rng.choice([-1, 1, 2, 5]))
        cv2.circle(image, place, radius, _color(rng), thick, cv2.LINE_AA)
        if rng.random() < 0.5:
            cv2.circle(image, place, radius // 2, _color(rng), thick, cv2.LINE_AA)


def _squares(image: Image, rng: Rng) -> None:
    """Boxes, as of windows, books and screens."""
    for _ in range(int(rng.integers(1, 12))):
        x, y = _place(image, rng)
        corner = (x + _length(image, rng), y + _length(image, rng))
        cv2.rectangle(image, (x, y), corner, _color(rng), int(rng.choice([-1, 1, 3])))


def _letters(image: Image, rng: Rng) -> None:
    """Letters: an o or an e has the outline of a face."""
    text = "".join(rng.choice(list("aegoOQRS0368&@"), int(rng.integers(1, 8))).tolist())
    font, size = int(rng.integers(0, 8)), _length(image, rng) / 20
    thick = max(1, int(size * rng.uniform(1, 4)))
    cv2.putText(image, text, _place(image, rng), font, size, _color(rng), thick, cv2.LINE_AA)


def _skin(image: Image, rng: Rng) -> None:
    """Ovals of skin with too little on them to be a face."""
    for _ in range(int(rng.integers(1, 5))):
        size, (x, y) = _length(image, rng), _place(image, rng)
        axes = (max(2, int(size * rng.uniform(0.5, 1.0))), max(2, size))
        turn, color = rng.uniform(0, 180), _skin_color(rng)
        cv2.ellipse(image, (x, y), axes, turn, 0, 360, color, -1, cv2.LINE_AA)
        dark = tuple(channel // 3 for channel in color)
        if rng.random() < 0.3:
            cv2.line(image, (x - size // 3, y), (x + size // 3, y), dark, max(1, size // 8))


def _limbs(image: Image, rng: Rng) -> None:
    """Fingers and arms: thick strokes of skin side by side."""
    color, thick = _skin_color(rng), max(3, _length(image, rng) // 3)
    x, y = _place(image, rng)
    turn = rng.uniform(0, 2 * np.pi)
    for finger in range(int(rng.integers(1, 6))):
        start = (x + finger * (thick + 2), y + int(rng.normal(0, thick)))
        angle, length = turn + rng.normal(0, 0.15), thick * rng.uniform(3, 6)
        end = (int(start[0] + length * np.cos(angle)), int(start[1] + length * np.sin(angle)))
        cv2.line(image, start, end, color, thick, cv2.LINE_AA)
    cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.0), dst=image)
