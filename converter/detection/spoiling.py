"""What cameras, light and compression do to a picture."""

import cv2
import numpy as np

from converter.recipes.detector import SceneRecipe
from edge.records import Image


def spoil(image: Image, how: SceneRecipe, rng: np.random.Generator) -> Image:
    """Return a picture relit and, by chance, without colour, blurred, noisy and compressed."""
    image = _relit(image, how, rng)
    if rng.random() < how.grey:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    if rng.random() < how.blurred:
        image = _blurred(image, rng)
    if rng.random() < how.noisy:
        image = _noisy(image, rng)
    if rng.random() < how.compressed:
        image = _compressed(image, rng)
    return image


def _relit(image: Image, how: SceneRecipe, rng: np.random.Generator) -> Image:
    """Change contrast, brightness, gamma and the colour of the light, all in one table."""
    grey = np.arange(256, dtype=np.float32) / 255
    contrast = np.exp(rng.uniform(-how.contrast, how.contrast))
    gamma = np.exp(rng.uniform(-how.contrast, how.contrast))
    brightness = rng.uniform(-how.brightness, how.brightness)
    tints = np.exp(rng.normal(0, how.tint, 3))
    curve = (grey**gamma - 0.5) * contrast + 0.5 + brightness
    table = np.clip(np.rint(255 * curve[:, None] * tints), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), dtype=np.uint8)


def _blurred(image: Image, rng: np.random.Generator) -> Image:
    """Blur as a lens or, along one direction, as a movement does."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)), np.uint8)
    length = int(rng.integers(2, 7))
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1.0)
    kernel = np.asarray(cv2.warpAffine(line, turn, (length, length)), np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-3)), dtype=np.uint8)


def _noisy(image: Image, rng: np.random.Generator) -> Image:
    """Add what a sensor adds in poor light."""
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(2, 18))
    return np.asarray(np.clip(np.rint(image + noise), 0, 255), dtype=np.uint8)


def _compressed(image: Image, rng: np.random.Generator) -> Image:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 85))]
    _, encoded = cv2.imencode(".jpg", image, quality)
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)
