"""Varied copies of training faces, made faster than the network can use them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.recipes import Augmentation
from converter.train.photometric import add_noise, blur, compress, darken

Faces = NDArray[np.uint8]
Batch = NDArray[np.float32]
Targets = NDArray[np.float32]


def augment(
    faces: Faces, config: Augmentation, rng: np.random.Generator, strength: Batch | None = None
) -> Faces:
    """Return each face warped, relit and partly erased, uint8 (n, 48, 48).

    Args:
        faces: uint8 (n, 48, 48).
        config: the ranges everything is drawn from.
        rng: where it is drawn.
        strength: float32 (n,), how many times as far each face may move; 1 for all when None.
    """
    far = np.ones(len(faces), np.float32) if strength is None else strength
    varied = np.stack([_warp(face, config, one, rng) for face, one in zip(faces, far, strict=True)])
    varied = _relight(varied, config, far, rng)
    _erase(varied, config, rng)
    if config.spoilt:
        _spoil(varied, config, rng)
    return varied


def mixup(
    faces: Batch, targets: Targets, alpha: float, rng: np.random.Generator
) -> tuple[Batch, Targets]:
    """Blend each face and target with another of the batch (Zhang et al. 2018, arXiv:1710.09412).

    Args:
        faces: float32 (n, 48, 48).
        targets: float32 (n, ...), blended alike.
        alpha: of the beta distribution the shares are drawn from.
        rng: where they are drawn.
    """
    share = rng.beta(alpha, alpha, len(faces)).astype(np.float32)
    other = rng.permutation(len(faces))
    weight, part = share[:, None, None], share[:, None]
    return (
        weight * faces + (1 - weight) * faces[other],
        part * targets + (1 - part) * targets[other],
    )


def cutmix(
    faces: Batch, targets: Targets, alpha: float, rng: np.random.Generator
) -> tuple[Batch, Targets]:
    """Paste a patch of another face of the batch into each (Yun et al. 2019, arXiv:1905.04899)."""
    side = faces.shape[1]
    other = rng.permutation(len(faces))
    length = np.sqrt(1 - rng.beta(alpha, alpha, len(faces))) * side
    corner = rng.uniform(-length / 2, side - length / 2, (2, len(faces)))
    lines = np.arange(side)
    rows, columns = (
        (lines >= start[:, None]) & (lines < (start + length)[:, None]) for start in corner
    )
    patch = rows[:, :, None] & columns[:, None, :]
    share = 1 - patch.mean(axis=(1, 2), dtype=np.float32)[:, None]
    mixed = np.where(patch, faces[other], faces)
    return mixed, share * targets + (1 - share) * targets[other]


def mirror_half(faces: Faces, rng: np.random.Generator) -> Faces:
    """Return the faces, every second one, by chance, mirrored."""
    return np.where((rng.random(len(faces)) < 0.5)[:, None, None], faces[:, :, ::-1], faces)


def _warp(face: Faces, config: Augmentation, far: float, rng: np.random.Generator) -> Faces:
    """Scale, turn and shift in one interpolation; the border repeats its edge."""
    side = face.shape[0]
    center = (side - 1) / 2
    turn = far * rng.uniform(-config.turn, config.turn)
    zoom = np.exp(far * rng.uniform(np.log(config.smallest), np.log(config.largest)))
    matrix = cv2.getRotationMatrix2D((center, center), turn, float(zoom))
    matrix[:, 2] += far * rng.uniform(-config.shift, config.shift, 2) * side
    warped = cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def _relight(faces: Faces, config: Augmentation, far: Batch, rng: np.random.Generator) -> Faces:
    spread = far[:, None, None]
    shape = (len(faces), 1, 1)
    contrast = np.exp(spread * rng.uniform(-config.contrast, config.contrast, shape))
    brightness = spread * rng.uniform(-config.brightness, config.brightness, shape)
    mean = faces.mean(axis=(1, 2), keepdims=True)
    relit = (faces - mean) * contrast + mean + brightness
    return np.asarray(np.clip(np.rint(relit), 0, 255), dtype=np.uint8)


def _erase(faces: Faces, config: Augmentation, rng: np.random.Generator) -> None:
    """Cover a patch of some faces (random erasing, Zhong et al. 2020, arXiv:1708.04896)."""
    side = faces.shape[1]
    for row in np.flatnonzero(rng.random(len(faces)) < config.erased):
        height, width = rng.integers(side // 8, side // 3, 2)
        top, left = rng.integers(0, side - height), rng.integers(0, side - width)
        faces[row, top : top + height, left : left + width] = rng.integers(0, 256)


def _spoil(faces: Faces, config: Augmentation, rng: np.random.Generator) -> None:
    """Give some faces one or two defects of a webcam's images."""
    defects = (blur, add_noise, darken, compress)
    for row in np.flatnonzero(rng.random(len(faces)) < config.spoilt):
        for number in sorted(rng.choice(len(defects), int(rng.integers(1, 3)), replace=False)):
            faces[row] = defects[number](faces[row], rng)
