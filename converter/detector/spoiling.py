"""What cameras, light and compression do to a picture."""

import cv2
import numpy as np

from converter.photometric import add_noise, blur, compress
from converter.recipes.detector import SceneRecipe
from edge.types import Image


def spoil(image: Image, how: SceneRecipe, rng: np.random.Generator) -> Image:
    """Return a picture relit and, by chance, without colour, blurred, noisy and compressed."""
    image = _relit(image, how, rng)
    if rng.random() < how.grey:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    if rng.random() < how.blurred:
        image = blur(image, rng)
    if rng.random() < how.noisy:
        image = add_noise(image, rng)
    if rng.random() < how.compressed:
        image = compress(image, rng)
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
