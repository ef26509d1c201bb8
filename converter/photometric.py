"""Camera defects in training images: blur, sensor noise, low light, JPEG compression."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Gray (height, width) or BGR (height, width, 3)."""


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
