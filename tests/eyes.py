"""Colours as people with any colour vision see them."""

import numpy as np
from numpy.typing import NDArray

EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""What becomes of linear RGB in each kind of eye: Machado, Oliveira and Fernandes 2009, "A
Physiologically-based Model for Simulation of Color Vision Deficiency", table of severity 1.0."""


def seen_by(eyes: str, rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return colours, sRGB 0-255 (n, 3), in CIE 1976 L*a*b* as one kind of eyes sees them."""
    return _cielab(np.clip(linear(rgb) @ EYES[eyes].T, 0, 1))


def linear(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sRGB, 0-255, as linear RGB, 0-1 (IEC 61966-2-1)."""
    shares = rgb / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def _cielab(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return linear RGB as CIE 1976 L*a*b*, under D65."""
    matrix = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = light @ np.array(matrix).T / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
