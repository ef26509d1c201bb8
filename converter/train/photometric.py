"""Photometric augmentation: light, and a camera's blur, noise, low light and JPEG compression."""

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.recipes import SampleGeneratorConfig

Pixels = NDArray[np.uint8]
"""Gray (height, width) or BGR (height, width, 3)."""


def augment(image: Pixels, config: SampleGeneratorConfig, rng: np.random.Generator) -> Pixels:
    """Return a BGR image relit and, by chance, without color, blurred, noisy and compressed."""
    image = _relight(image, config, rng)
    if rng.random() < config.gray:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)
    if rng.random() < config.blurred:
        image = blur(image, rng)
    if rng.random() < config.noisy:
        image = add_noise(image, rng)
    if rng.random() < config.compressed:
        image = compress(image, rng)
    return image


def _relight(image: Pixels, config: SampleGeneratorConfig, rng: np.random.Generator) -> Pixels:
    """Change contrast, brightness, gamma and the color of the light, all in one table."""
    gray = np.arange(256, dtype=np.float32) / 255
    contrast = np.exp(rng.uniform(-config.contrast, config.contrast))
    gamma = np.exp(rng.uniform(-config.contrast, config.contrast))
    brightness = rng.uniform(-config.brightness, config.brightness)
    tints = np.exp(rng.normal(0, config.tint, 3))
    curve = (gray**gamma - 0.5) * contrast + 0.5 + brightness
    table = np.clip(np.rint(255 * curve[:, None] * tints), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), dtype=np.uint8)


def blur(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Blur as a lens or, along one direction, as a movement does."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)), np.uint8)
    length = int(rng.integers(2, 7))
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1.0)
    kernel = np.asarray(cv2.warpAffine(line, turn, (length, length)), np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-3)), dtype=np.uint8)


def add_noise(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Add what a sensor adds in poor light."""
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(2, 18))
    return np.asarray(np.clip(np.rint(image + noise), 0, 255), dtype=np.uint8)


def darken(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Take away up to three quarters of the light."""
    return np.asarray(np.rint(image * np.float32(rng.uniform(0.25, 0.9))), dtype=np.uint8)


def compress(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Write and read the image as a JPEG of quality 20 to 85."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 85))]
    _, encoded = cv2.imencode(".jpg", image, quality)
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), dtype=np.uint8)
