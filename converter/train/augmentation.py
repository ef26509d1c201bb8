"""Augmentation of faces and images: warping, light, and a camera's defects."""

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.recipes import Augmentation, SampleGeneratorConfig

Pixels = NDArray[np.uint8]  # gray (height, width) or BGR (height, width, 3)
Faces = NDArray[np.uint8]
Batch = NDArray[np.float32]
Targets = NDArray[np.float32]
Rng = np.random.Generator


def augment(faces: Faces, config: Augmentation, rng: Rng) -> Faces:
    """Return each face, uint8 (n, 48, 48), warped, relit and, by chance, spoilt."""
    shape = (len(faces), 1, 1)
    varied = np.stack([_warp(face, config, rng) for face in faces])
    contrast = np.exp(rng.uniform(-config.contrast, config.contrast, shape))
    brightness = rng.uniform(-config.brightness, config.brightness, shape)
    mean = varied.mean(axis=(1, 2), keepdims=True)
    varied = _clipped((varied - mean) * contrast + mean + brightness)
    if config.spoilt:
        _spoil(varied, config.spoilt, rng)
    return varied


def mirror_half(faces: Faces, rng: Rng) -> Faces:
    """Return the faces, every second one, by chance, mirrored."""
    return np.where((rng.random(len(faces)) < 0.5)[:, None, None], faces[:, :, ::-1], faces)


def mixup(faces: Batch, targets: Targets, alpha: float, rng: Rng) -> tuple[Batch, Targets]:
    """Blend each face and target with another one (Zhang et al. 2018, arXiv:1710.09412)."""
    share = rng.beta(alpha, alpha, len(faces)).astype(np.float32)
    other = rng.permutation(len(faces))
    weight, part = share[:, None, None], share[:, None]
    blended = weight * faces + (1 - weight) * faces[other]
    return blended, part * targets + (1 - part) * targets[other]


def augment_image(image: Pixels, config: SampleGeneratorConfig, rng: Rng) -> Pixels:
    """Return a BGR image relit and, by chance, without color, blurred, noisy and compressed."""
    image = _relight(image, config, rng)
    if rng.random() < config.gray:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)
    shares = (config.blurred, config.noisy, config.compressed)
    for share, spoil in zip(shares, (_blur, _add_noise, _compress), strict=True):
        if rng.random() < share:
            image = spoil(image, rng)
    return image


def _warp(face: Faces, config: Augmentation, rng: Rng) -> Faces:
    """Scale, turn and shift in one interpolation; the border repeats its edge."""
    side = face.shape[0]
    center = (side - 1) / 2
    # Rounded, as the shipped models saw it.
    turn = np.float32(rng.uniform(-config.turn, config.turn))
    zoom = np.exp(np.float32(rng.uniform(np.log(config.smallest), np.log(config.largest))))
    matrix = cv2.getRotationMatrix2D((center, center), float(turn), float(zoom))
    matrix[:, 2] += rng.uniform(-config.shift, config.shift, 2) * side
    warped = cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def _spoil(faces: Faces, share: float, rng: Rng) -> None:
    """Give some faces one or two defects of a webcam's images."""
    defects = (_blur, _add_noise, _darken, _compress)
    for row in np.flatnonzero(rng.random(len(faces)) < share):
        for number in sorted(rng.choice(len(defects), int(rng.integers(1, 3)), replace=False)):
            faces[row] = defects[number](faces[row], rng)


def _relight(image: Pixels, config: SampleGeneratorConfig, rng: Rng) -> Pixels:
    """Change contrast, brightness, gamma and the color of the light, all in one table."""
    gray = np.arange(256, dtype=np.float32) / 255
    contrast = np.exp(rng.uniform(-config.contrast, config.contrast))
    gamma = np.exp(rng.uniform(-config.contrast, config.contrast))
    brightness = rng.uniform(-config.brightness, config.brightness)
    tints = np.exp(rng.normal(0, config.tint, 3))
    curve = (gray**gamma - 0.5) * contrast + 0.5 + brightness
    return np.asarray(cv2.LUT(image, _clipped(255 * curve[:, None] * tints)[None]), dtype=np.uint8)


def _blur(image: Pixels, rng: Rng) -> Pixels:
    """Blur as a lens or, along one direction, as a movement does."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)), np.uint8)
    length = int(rng.integers(2, 7))
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1.0)
    kernel = np.asarray(cv2.warpAffine(line, turn, (length, length)), np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-3)), dtype=np.uint8)


def _add_noise(image: Pixels, rng: Rng) -> Pixels:
    noise = rng.standard_normal(image.shape, np.float32)
    noise = np.rint(noise * np.float32(rng.uniform(2, 18))).astype(np.int16)
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)


def _darken(image: Pixels, rng: Rng) -> Pixels:
    return _clipped(image * np.float32(rng.uniform(0.25, 0.9)))


def _compress(image: Pixels, rng: Rng) -> Pixels:
    """Write and read the image as a JPEG of quality 20 to 85."""
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 85))])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), dtype=np.uint8)


def _clipped(values: NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
