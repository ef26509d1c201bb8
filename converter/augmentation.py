"""Varied copies of training faces, made faster than the network can use them."""

import cv2
import numpy as np
from numpy.typing import NDArray

Faces = NDArray[np.uint8]
Targets = NDArray[np.float32]


def augment(faces: Faces, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return each face warped, relit and partly erased, float32 (n, 48, 48), values 0-255."""
    varied = np.stack([_warp(face, rng) for face in faces]).astype(np.float32)
    varied = _relight(varied, rng)
    _erase(varied, rng)
    return varied


def mixup(
    faces: NDArray[np.float32], targets: Targets, alpha: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Targets]:
    """Blend each face and target with another of the batch (arXiv:1710.09412)."""
    share = rng.beta(alpha, alpha, len(faces)).astype(np.float32)
    other = rng.permutation(len(faces))
    weight = share[:, None, None]
    mixed = weight * faces + (1 - weight) * faces[other]
    return mixed, share[:, None] * targets + (1 - share[:, None]) * targets[other]


def _warp(face: Faces, rng: np.random.Generator) -> Faces:
    """Scale, turn, shift and mirror in one interpolation; the border repeats its edge."""
    side = face.shape[0]
    centre = (side - 1) / 2
    matrix = cv2.getRotationMatrix2D((centre, centre), rng.uniform(-12, 12), rng.uniform(0.85, 1.2))
    matrix[:, 2] += rng.uniform(-0.1, 0.1, 2) * side
    if rng.random() < 0.5:
        matrix[0] *= -1
        matrix[0, 2] += side - 1
    warped = cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def _relight(faces: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    contrast = rng.uniform(0.8, 1.2, (len(faces), 1, 1)).astype(np.float32)
    brightness = rng.uniform(-20, 20, (len(faces), 1, 1)).astype(np.float32)
    mean = faces.mean(axis=(1, 2), keepdims=True)
    relit = np.clip((faces - mean) * contrast + mean + brightness, 0, 255)
    return np.asarray(relit, dtype=np.float32)


def _erase(faces: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Cover a patch of every fourth face (random erasing, Zhong et al. 2020, arXiv:1708.04896)."""
    side = faces.shape[1]
    for face in faces[rng.random(len(faces)) < 0.25]:
        height, width = rng.integers(side // 8, side // 3, 2)
        top, left = rng.integers(0, side - height), rng.integers(0, side - width)
        face[top : top + height, left : left + width] = rng.uniform(0, 255)
