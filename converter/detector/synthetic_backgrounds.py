"""Synthetic negatives: drawn images of what detectors take for a face."""

import cv2
import numpy as np

from edge.types import Image


def draw_background(height: int, width: int, rng: np.random.Generator) -> Image:
    """Return a drawn image without a face, BGR uint8 (height, width, 3).

    Clouds of two colors, and on them stripes, rings, boxes, letters, and ovals and fingers of the
    colors of skin, some of the ovals with a mouth and no eyes.
    """
    image = _ground(height, width, rng)
    ways = (_stripes, _discs, _boxes, _letters, _skin, _limbs)
    for _ in range(int(rng.integers(1, 4))):
        ways[int(rng.integers(len(ways)))](image, rng)
    return image


def _color(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(rng.integers(0, 256, 3).tolist())


def _skin_color(rng: np.random.Generator) -> tuple[int, ...]:
    """Return a color between the darkest and the lightest skin (blue, green, red)."""
    dark, light = np.array([30, 45, 75]), np.array([190, 210, 250])
    share = rng.uniform(0, 1)
    return tuple(np.rint(dark + share * (light - dark) + rng.normal(0, 8, 3)).tolist())


def _ground(height: int, width: int, rng: np.random.Generator) -> Image:
    """Draw clouds of a size of their own, in two colors."""
    cells = int(rng.integers(2, 40))
    coarse = rng.random((cells, cells * 4 // 3 + 1)).astype(np.float32)
    share = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    one, other = (np.array(_color(rng), np.float32) for _ in range(2))
    return np.asarray(np.clip(one + share * (other - one), 0, 255), dtype=np.uint8)


def _place(image: Image, rng: np.random.Generator) -> tuple[int, int]:
    height, width = image.shape[:2]
    return int(rng.integers(0, width)), int(rng.integers(0, height))


def _size(image: Image, rng: np.random.Generator) -> int:
    """Return a length, small ones as often as large ones."""
    return int(np.exp(rng.uniform(np.log(4), np.log(image.shape[0] / 2))))


def _stripes(image: Image, rng: np.random.Generator) -> None:
    """Draw parallel bars, as of shutters, keys and shelves."""
    step, color = int(rng.integers(4, 40)), _color(rng)
    thick = max(1, step // int(rng.integers(2, 5)))
    across, reach = rng.random() < 0.5, max(image.shape[:2])
    slant = int(rng.normal(0, 20))
    x, y = _place(image, rng)
    for at in range(0, int(rng.integers(2, 12)) * step, step):
        if across:
            cv2.line(image, (x + at, y), (x + at + slant, y + reach), color, thick)
        else:
            cv2.line(image, (x, y + at), (x + reach, y + at + slant), color, thick)


def _discs(image: Image, rng: np.random.Generator) -> None:
    """Draw rings and discs, as of wheels, clocks and cups."""
    for _ in range(int(rng.integers(1, 8))):
        radius = _size(image, rng)
        place, thick = _place(image, rng), int(rng.choice([-1, 1, 2, 5]))
        cv2.circle(image, place, radius, _color(rng), thick, cv2.LINE_AA)
        if rng.random() < 0.5:
            cv2.circle(image, place, radius // 2, _color(rng), thick, cv2.LINE_AA)


def _boxes(image: Image, rng: np.random.Generator) -> None:
    """Draw boxes, as of windows, books and screens."""
    for _ in range(int(rng.integers(1, 12))):
        x, y = _place(image, rng)
        corner = (x + _size(image, rng), y + _size(image, rng))
        cv2.rectangle(image, (x, y), corner, _color(rng), int(rng.choice([-1, 1, 3])))


def _letters(image: Image, rng: np.random.Generator) -> None:
    """Write something: an o or an e has the outline of a face."""
    text = "".join(rng.choice(list("aegoOQRS0368&@"), int(rng.integers(1, 8))).tolist())
    font, size = int(rng.integers(0, 8)), _size(image, rng) / 20
    thick = max(1, int(size * rng.uniform(1, 4)))
    cv2.putText(image, text, _place(image, rng), font, size, _color(rng), thick, cv2.LINE_AA)


def _skin(image: Image, rng: np.random.Generator) -> None:
    """Draw ovals of skin with too little on them to be a face."""
    for _ in range(int(rng.integers(1, 5))):
        size, (x, y) = _size(image, rng), _place(image, rng)
        axes = (max(2, int(size * rng.uniform(0.5, 1.0))), max(2, size))
        turn, color = rng.uniform(0, 180), _skin_color(rng)
        cv2.ellipse(image, (x, y), axes, turn, 0, 360, color, -1, cv2.LINE_AA)
        dark = tuple(channel // 3 for channel in color)
        if rng.random() < 0.3:
            cv2.line(image, (x - size // 3, y), (x + size // 3, y), dark, max(1, size // 8))


def _limbs(image: Image, rng: np.random.Generator) -> None:
    """Draw fingers and arms: thick strokes of skin side by side."""
    color, thick = _skin_color(rng), max(3, _size(image, rng) // 3)
    x, y = _place(image, rng)
    turn = rng.uniform(0, 2 * np.pi)
    for finger in range(int(rng.integers(1, 6))):
        start = (x + finger * (thick + 2), y + int(rng.normal(0, thick)))
        angle = turn + rng.normal(0, 0.15)
        length = thick * rng.uniform(3, 6)
        end = (int(start[0] + length * np.cos(angle)), int(start[1] + length * np.sin(angle)))
        cv2.line(image, start, end, color, thick, cv2.LINE_AA)
    cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.0), dst=image)
