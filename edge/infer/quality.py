"""How well a face can be read, and what keeps it from being read."""

import math
from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge.geometry import Box, KeyPoints
from edge.types import GrayImage, Quality, Reason

SIDE = 48
"""Pixels; a crop of another size is measured at this one, so that one limit serves every model."""

MIDDLE = slice(6, 42)
"""The rows and columns that are measured, three quarters of each: what is behind a face has a
brightness and contrast of its own."""

GRAIN = 0.8
"""Pixels of blur (sigma) before sharpness is measured: it takes most of the noise, and hardly any
of what a blurred face lacks."""

Limit = Annotated[float, msgspec.Meta(ge=0.0)]
Grey = Annotated[float, msgspec.Meta(ge=0.0, le=255.0)]
Degrees = Annotated[float, msgspec.Meta(ge=0.0, le=90.0)]


class QualitySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Below which limits no expression is claimed; docs/quality.md says how they were found.

    Attributes:
        min_size: height of the face, framed as FER2013's are, in pixels of the frame.
        min_sharpness: of the crop, as `measure` defines it.
        min_brightness: mean grey value of the middle of the crop.
        min_contrast: standard deviation of its grey values.
        max_yaw: degrees that the head may be turned to either side.
    """

    min_size: Limit = 22.0
    min_sharpness: Limit = 0.025
    min_brightness: Grey = 40.0
    min_contrast: Grey = 10.0
    max_yaw: Degrees = 40.0


def measure(crop: GrayImage, square: Box, points: KeyPoints | None) -> Quality:
    """Measure one face.

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in
    brightfield microscopy") with two changes. It is divided by the variance of the grey values, so
    that it says nothing of the contrast. And it is parted into two directions, of which the weaker
    counts, twice: a head or hand that moves blurs along one direction only.

    Args:
        crop: what the classifier sees of it, square.
        square: where it was cut out, in pixels of the frame. Detectors draw boxes of different
            sizes around one face; these squares are alike.
        points: the face's key points, from detectors that give them.
    """
    if len(crop) != SIDE:
        crop = np.asarray(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    middle = crop[MIDDLE, MIDDLE]
    mean, deviation = cv2.meanStdDev(middle)
    return Quality(
        size=square.height,
        sharpness=_sharpness(middle),
        brightness=float(mean[0, 0]),
        contrast=float(deviation[0, 0]),
        yaw=None if points is None else points.yaw,
        roll=None if points is None else points.roll,
    )


def reasons(quality: Quality, settings: QualitySettings) -> tuple[Reason, ...]:
    """Return what keeps a face of this quality from being read; nothing where it can be."""
    found = {
        Reason.TOO_SMALL: quality.size < settings.min_size,
        Reason.BLURRED: quality.sharpness < settings.min_sharpness,
        Reason.DARK: quality.brightness < settings.min_brightness,
        Reason.LOW_CONTRAST: quality.contrast < settings.min_contrast,
        Reason.SIDE_FACE: quality.yaw is not None and abs(quality.yaw) > settings.max_yaw,
    }
    return tuple(reason for reason, holds in found.items() if holds)


def _sharpness(part: GrayImage) -> float:
    """Return twice the lesser eigenvalue of the squared Hessian's mean, over the variance.

    The trace of that mean is the variance of the Laplacian, but for the edges of the picture.
    """
    grey = cv2.GaussianBlur(part.astype(np.float32), (0, 0), GRAIN)
    variance = float(cv2.meanStdDev(grey)[1][0, 0]) ** 2
    if variance == 0.0:
        return 0.0
    across = (grey[1:-1, 2:] - 2 * grey[1:-1, 1:-1] + grey[1:-1, :-2]).ravel()
    down = (grey[2:, 1:-1] - 2 * grey[1:-1, 1:-1] + grey[:-2, 1:-1]).ravel()
    mixed = ((grey[2:, 2:] - grey[2:, :-2] - grey[:-2, 2:] + grey[:-2, :-2]) / 4).ravel()
    twist = mixed @ mixed
    a, c = float(across @ across + twist), float(down @ down + twist)
    b = float((across + down) @ mixed)
    return (a + c - math.hypot(a - c, 2 * b)) / (len(across) * variance)
