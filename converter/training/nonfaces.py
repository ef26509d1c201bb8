"""Crops that are not a face: what a detector may offer by mistake."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.datasets import SIDE
from edge.errors import DataError

Crops = NDArray[np.uint8]


def draw_nonfaces(
    faces: Crops, photographs: tuple[Path, ...], count: int, rng: np.random.Generator
) -> Crops:
    """Return `count` crops that show no face, or none that could be read, uint8 (n, 48, 48).

    Each kind is drawn equally often: faces far off centre, upside down, or so near that only a
    part fills the crop; textures, prints and noise; and parts of photographs where there are any.

    Args:
        faces: uint8 (m, 48, 48), to be spoilt.
        photographs: pictures without faces.
        count: how many.
        rng: where they are drawn.

    Raises:
        DataError: a photograph cannot be read.
    """
    pictures = [_read(path) for path in photographs]
    ways = [
        lambda: _off_centre(_any(faces, rng), _any(faces, rng), rng),
        lambda: _turned(_any(faces, rng), rng),
        lambda: _part(_any(faces, rng), rng),
        lambda: _texture(rng),
        lambda: _print(rng),
        lambda: _noise(rng),
    ]
    if pictures:
        # As often as all the others: this is what a room looks like.
        ways += [lambda: _cut(pictures[int(rng.integers(len(pictures)))], rng)] * len(ways)
    return np.stack([ways[number % len(ways)]() for number in range(count)])


def _any(faces: Crops, rng: np.random.Generator) -> Crops:
    return np.asarray(faces[int(rng.integers(len(faces)))])


def _read(path: Path) -> Crops:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise DataError(f"{path}: is no picture that OpenCV can read; take it out of the folder")
    return np.asarray(picture, dtype=np.uint8)


def _warped(face: Crops, matrix: NDArray[np.float64]) -> Crops:
    mode = cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(face, matrix, (SIDE, SIDE), borderMode=mode), dtype=np.uint8)


def _off_centre(face: Crops, other: Crops, rng: np.random.Generator) -> Crops:
    """Move a face half out of the crop; what is beside it is blurred beyond recognition."""
    beside = cv2.GaussianBlur(_texture(rng) if rng.random() < 0.5 else other, (0, 0), 8)
    angle = rng.uniform(0, 2 * np.pi)
    far = rng.uniform(0.5, 0.8) * SIDE
    step = [[1, 0, far * np.cos(angle)], [0, 1, far * np.sin(angle)]]
    matrix = np.array(step, dtype=np.float64)
    inside = cv2.warpAffine(np.full_like(face, 255), matrix, (SIDE, SIDE))
    return np.where(inside > 0, _warped(face, matrix), beside).astype(np.uint8)


def _turned(face: Crops, rng: np.random.Generator) -> Crops:
    middle = (SIDE - 1) / 2
    angle = 180 + rng.uniform(-60, 60)
    matrix = cv2.getRotationMatrix2D((middle, middle), angle, rng.uniform(0.9, 1.2))
    return _warped(face, np.asarray(matrix, dtype=np.float64))


def _part(face: Crops, rng: np.random.Generator) -> Crops:
    """Come so near that a cheek, a brow or an ear fills the crop."""
    length = int(rng.integers(10, 19))
    left, top = rng.integers(0, SIDE - length, 2)
    piece = face[top : top + length, left : left + length]
    return np.asarray(cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def _texture(rng: np.random.Generator) -> Crops:
    """Draw clouds: noise of several sizes, one upon the other."""
    sizes = rng.choice([2, 3, 4, 6, 8, 12, 16, 24], 3, replace=False)
    layers = [
        rng.uniform(0.3, 1) * cv2.resize(rng.standard_normal((size, size)), (SIDE, SIDE))
        for size in sizes
    ]
    return _lit(np.sum(layers, axis=0), rng)


def _print(rng: np.random.Generator) -> Crops:
    """Draw cloth, blinds, tiles and shelves: stripes, checks, dots and boxes."""
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 24)
    along = 2 * np.pi * (across * np.cos(angle) + down * np.sin(angle)) / period
    athwart = 2 * np.pi * (down * np.cos(angle) - across * np.sin(angle)) / period
    pattern = [
        np.sin(along),
        np.sign(np.sin(along)),
        np.sign(np.sin(along) * np.sin(athwart)),
        (np.sin(along) + np.sin(athwart) > rng.uniform(0.2, 1.4)).astype(float),
        _boxes(rng),
    ][int(rng.integers(5))]
    return _lit(pattern + rng.uniform(0, 0.3) * rng.standard_normal((SIDE, SIDE)), rng)


def _boxes(rng: np.random.Generator) -> NDArray[np.float64]:
    picture = np.zeros((SIDE, SIDE))
    for _ in range(int(rng.integers(2, 12))):
        left, top = rng.integers(-8, SIDE, 2)
        width, height = rng.integers(3, SIDE, 2)
        picture[max(top, 0) : top + height, max(left, 0) : left + width] += rng.normal()
    return picture


def _noise(rng: np.random.Generator) -> Crops:
    """Draw what a dark or covered camera sees: noise, a slope of light, or nothing."""
    across, down = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    slope = rng.normal() * across + rng.normal() * down
    noise = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)), (0, 0), rng.uniform(0.1, 2))
    return _lit(rng.uniform(0, 1) * slope + rng.uniform(0, 1) * noise, rng)


def _cut(photograph: Crops, rng: np.random.Generator) -> Crops:
    height, width = photograph.shape
    length = int(rng.uniform(0.1, 1.0) * min(height, width))
    length = max(length, min(SIDE // 2, height, width))
    left, top = rng.integers(0, width - length + 1), rng.integers(0, height - length + 1)
    piece = photograph[top : top + length, left : left + length]
    return np.asarray(cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _lit(pattern: NDArray[np.float64], rng: np.random.Generator) -> Crops:
    """Give a pattern a brightness and a contrast of its own."""
    spread = pattern.std() or 1.0
    even = (pattern - pattern.mean()) / spread
    values = rng.uniform(40, 215) + rng.uniform(3, 70) * even
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)
