"""The output that tells whether a crop is a face, and the negative samples that it learns from.

It is trained last, on features that stay as they are: so it costs the expressions nothing.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from converter.data import SIDE
from converter.models import Model
from converter.recipes import Augmentation
from converter.train.augmentation import Rng, augment, mirror_half
from edge.errors import DataError

Crops = NDArray[np.uint8]
Pattern = NDArray[np.float64]
Kind = Callable[[Crops, Rng], Crops]  # draws a negative sample, some from a face

FACES = 12_000  # of either kind, faces and others; more changed nothing
EPOCHS = 12


def fit_face_head(network: Model, faces: Crops, negatives: tuple[Path, ...], seed: int) -> None:
    """Train, in place, the layers of a finished network that lead to the output `face`."""
    crops, labels = face_or_not(faces, negatives, min(FACES, len(faces)), seed)
    features = keras.Model(network.input, network.get_layer("face_hidden").input)
    known = features.predict(crops[..., None], batch_size=512, verbose=0)
    keras.utils.set_random_seed(seed)
    entry = keras.Input(known.shape[1:])
    head = keras.Model(entry, network.get_layer("face")(network.get_layer("face_hidden")(entry)))
    head.compile(keras.optimizers.AdamW(1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    head.fit(known, labels, epochs=EPOCHS, batch_size=256, verbose=0)


def face_or_not(
    faces: Crops, negatives: tuple[Path, ...], count: int, seed: int
) -> tuple[Crops, NDArray[np.float32]]:
    """Return `count` varied faces and as many other crops, and which are faces, (2n, 1)."""
    rng = np.random.default_rng(seed)
    chosen = faces[rng.permutation(len(faces))[:count]]
    # Detectors frame less evenly than FER2013 does: a face a little off is still a face.
    varied = mirror_half(augment(chosen, Augmentation(shift=0.15), rng), rng)
    others = draw_negatives(faces, negatives, count, rng)
    labels = np.repeat(np.array([1, 0], dtype=np.float32), count)[:, None]
    return np.concatenate([varied, others]), labels


def draw_negatives(faces: Crops, paths: tuple[Path, ...], count: int, rng: Rng) -> Crops:
    """Return `count` crops that show no face, or none that could be read, uint8 (n, 48, 48)."""
    kinds: list[Kind] = [_off_center, _turned, _part, _covered, _covered, _texture, _print, _noise]
    if images := [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]:
        for path, image in zip(paths, images, strict=True):
            if image is None:
                raise DataError(f"{path}: is no image that OpenCV can read; take it out")
        kinds += [partial(_cut, images)] * len(kinds)  # as often as all others together
    return np.stack([kinds[number % len(kinds)](faces, rng) for number in range(count)])


def _any(faces: Crops, rng: Rng) -> Crops:
    return np.asarray(faces[int(rng.integers(len(faces)))])


def _warped(face: Crops, matrix: NDArray[np.float64]) -> Crops:
    warped = cv2.warpAffine(face, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def _off_center(faces: Crops, rng: Rng) -> Crops:
    """A face half out of the crop; what is beside it is blurred beyond recognition."""
    face, other = _any(faces, rng), _any(faces, rng)
    beside = cv2.GaussianBlur(_texture(faces, rng) if rng.random() < 0.5 else other, (0, 0), 8)
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 0.8) * SIDE
    matrix = np.array([[1, 0, far * np.cos(angle)], [0, 1, far * np.sin(angle)]])
    inside = cv2.warpAffine(np.full_like(face, 255), matrix, (SIDE, SIDE))
    return np.where(inside > 0, _warped(face, matrix), beside).astype(np.uint8)


def _turned(faces: Crops, rng: Rng) -> Crops:
    face, middle, angle = _any(faces, rng), (SIDE - 1) / 2, 180 + rng.uniform(-60, 60)
    matrix = cv2.getRotationMatrix2D((middle, middle), angle, rng.uniform(0.9, 1.2))
    return _warped(face, np.asarray(matrix, dtype=np.float64))


def _part(faces: Crops, rng: Rng) -> Crops:
    """A cheek, a brow or an ear fills the crop."""
    face, length = _any(faces, rng), int(rng.integers(10, 19))
    left, top = rng.integers(0, SIDE - length, 2)
    piece = face[top : top + length, left : left + length]
    return np.asarray(cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def _covered(faces: Crops, rng: Rng) -> Crops:
    """A mask or a hand over the mouth (0.75 of the height in FER2013), or the eyes (0.36)."""
    face = _any(faces, rng)
    across, down = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    middle = rng.normal(0.5, 0.03)
    place = str(rng.choice(["mask", "glasses", "mouth", "eyes"], p=[0.4, 0.2, 0.25, 0.15]))
    match place:
        case "mask":
            top = rng.uniform(0.46, 0.58) + rng.uniform(0.2, 0.6) * (across - middle) ** 2
            low = rng.uniform(0.88, 1.1) - 1.2 * (across - middle) ** 2
            inside = (down > top) & (down < low) & (np.abs(across - middle) < rng.uniform(0.3, 0.5))
        case "glasses":
            apart, size = rng.uniform(0.16, 0.21), rng.uniform(0.11, 0.16)
            far = (np.abs(across - middle) - apart) ** 2 / size**2
            inside = far + ((down - rng.normal(0.37, 0.02)) / (0.75 * size)) ** 2 < 1
            inside |= (np.abs(across - middle) < apart) & (np.abs(down - 0.35) < 0.015)
        case _:
            at = 0.75 if place == "mouth" else 0.37
            turn = rng.uniform(-0.6, 0.6)
            along = (across - middle) * np.cos(turn) + (down - at) * np.sin(turn)
            beside = (down - at) * np.cos(turn) - (across - middle) * np.sin(turn)
            wide, high = rng.uniform(0.3, 0.7), rng.uniform(0.13, 0.22)
            inside = (along / wide) ** 2 + (beside / high) ** 4 < 1
            fingers = 1 + 0.1 * np.sin(2 * np.pi * beside / (high / 2))
            return _laid_over(face, inside, float(np.median(face)) * fingers, rng)
    gray = rng.uniform(5, 50) if place == "glasses" else rng.choice([rng.uniform(150, 245), 40])
    shade = 1 + rng.uniform(-0.25, 0.25) * (across - 0.5) + rng.uniform(-0.3, 0.3) * (down - 0.7)
    return _laid_over(face, inside, gray * shade, rng)


def _laid_over(face: Crops, inside: NDArray[np.bool_], gray: Pattern, rng: Rng) -> Crops:
    soft = cv2.GaussianBlur(inside.astype(np.float64), (0, 0), rng.uniform(0.5, 1.2))
    noisy = gray + rng.normal(0, rng.uniform(1, 5), gray.shape)
    return np.asarray(np.clip(soft * noisy + (1 - soft) * face, 0, 255), dtype=np.uint8)


def _texture(_: Crops, rng: Rng) -> Crops:
    """Clouds: noise of several sizes, one upon the other."""
    clouds = np.zeros((SIDE, SIDE))
    for size in rng.choice([2, 3, 4, 6, 8, 12, 16, 24], 3, replace=False):
        clouds += rng.uniform(0.3, 1) * cv2.resize(rng.standard_normal((size, size)), (SIDE, SIDE))
    return _lit(clouds, rng)


def _print(_: Crops, rng: Rng) -> Crops:
    """Cloth, blinds, tiles and shelves: stripes, checks, dots and boxes."""
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 24)
    along = 2 * np.pi * (across * np.cos(angle) + down * np.sin(angle)) / period
    athwart = 2 * np.pi * (down * np.cos(angle) - across * np.sin(angle)) / period
    patterns = [
        np.sin(along),
        np.sign(np.sin(along)),
        np.sign(np.sin(along) * np.sin(athwart)),
        (np.sin(along) + np.sin(athwart) > rng.uniform(0.2, 1.4)).astype(float),
        np.zeros((SIDE, SIDE)),
    ]
    for _box in range(int(rng.integers(2, 12))):
        left, top = rng.integers(-8, SIDE, 2)
        width, height = rng.integers(3, SIDE, 2)
        patterns[4][max(top, 0) : top + height, max(left, 0) : left + width] += rng.normal()
    pattern = patterns[int(rng.integers(5))]
    return _lit(pattern + rng.uniform(0, 0.3) * rng.standard_normal((SIDE, SIDE)), rng)


def _noise(_: Crops, rng: Rng) -> Crops:
    """Draw noise, a slope of light, or nothing, as of a dark or covered camera."""
    across, down = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    slope = rng.normal() * across + rng.normal() * down
    noise = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)), (0, 0), rng.uniform(0.1, 2))
    return _lit(rng.uniform(0, 1) * slope + rng.uniform(0, 1) * noise, rng)


def _cut(images: Sequence[Any], _: Crops, rng: Rng) -> Crops:
    image = images[int(rng.integers(len(images)))]
    height, width = image.shape
    length = int(rng.uniform(0.1, 1.0) * min(height, width))
    length = max(length, min(SIDE // 2, height, width))
    left, top = rng.integers(0, width - length + 1), rng.integers(0, height - length + 1)
    piece = image[top : top + length, left : left + length]
    return np.asarray(cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _lit(pattern: Pattern, rng: Rng) -> Crops:
    even = (pattern - pattern.mean()) / (pattern.std() or 1.0)
    values = rng.uniform(40, 215) + rng.uniform(3, 70) * even
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)
