"""Face crops: the part of a frame that a classifier sees, its quality, and folders of crops."""

import errno
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge.detect.image_ops import resize, shrink_by_mean
from edge.errors import DataError, os_errors_as
from edge.geometry import Box, CropCalibration, KeyPoints
from edge.paths import atomic_write
from edge.types import SIDE, Face, GrayImage, Image, Quality, Reason, Track

MAX_LEVEL_ROLL = 10.0
"""Degrees of tilt below which a crop is not turned: the classifiers were trained on faces tilted
as far, and turning those by their landmarks made accuracy worse (docs/research/detectors.md)."""

MIDDLE = slice(6, 42)  # rows and columns that are measured: around the face lies background
DENOISE_SIGMA = 0.8  # pixels of blur before sharpness is measured: less noise, hardly less detail
Limit = Annotated[float, msgspec.Meta(ge=0.0)]
GrayLevel = Annotated[float, msgspec.Meta(ge=0.0, le=255.0)]
Degrees = Annotated[float, msgspec.Meta(ge=0.0, le=90.0)]


def crop_face(
    image: Image, box: Box, points: KeyPoints | None, fit: CropCalibration, side: int
) -> GrayImage:
    """Return a face framed as in training, its eyes level by landmarks, gray uint8 (side, side)."""
    roll = points.roll if points else 0.0
    if abs(roll) < MAX_LEVEL_ROLL:
        return crop_gray(image, fit.square(box), side)
    square = fit.square(box, roll)
    # A larger square holds all of the tilted one; it is turned once it is small.
    spread = abs(math.cos(math.radians(roll))) + abs(math.sin(math.radians(roll)))
    around = Box.around(square.center, spread * square.width)
    gray = crop_gray(image, around, max(side, round(spread * side)))
    middle = (gray.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), roll, 1.0)
    matrix[:, 2] += (side - 1) / 2 - middle
    return np.asarray(cv2.warpAffine(gray, matrix, (side, side)), dtype=np.uint8)


def crop_largest(
    image: Image, faces: Sequence[Face | Track], fit: CropCalibration
) -> GrayImage | None:
    """Return the largest of some faces as the datasets frame them; None without any."""
    if not faces:
        return None
    face = max(faces, key=lambda one: one.box.area)
    return crop_face(image, face.box, face.points, fit, SIDE)


def crop_gray(image: Image, square: Box, side: int) -> GrayImage:
    """Return the pixels in `square`, gray uint8 (side, side); beyond the frame its edge repeats."""
    height, width = image.shape[:2]
    left, top, length = round(square.x1), round(square.y1), max(1, round(square.width))
    # A large square is a few pixels smaller, so that it can be halved.
    halvings = max(0, int(math.log2(length / side)))
    length = length >> halvings << halvings
    if min(left, top) >= 0 and left + length <= width and top + length <= height:
        part = image[top : top + length, left : left + length]
    else:
        columns = np.clip(np.arange(left, left + length), 0, width - 1)
        rows = np.clip(np.arange(top, top + length), 0, height - 1)
        part = image[rows[:, None], columns]
    gray = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    # Means keep a large face from aliasing; a small one is interpolated.
    if length > side:
        return shrink_by_mean(gray, (side, side))
    return resize(gray, side, side, cv2.INTER_LINEAR)


class QualitySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits beyond which no expression is claimed (docs/research/face-quality.md).

    Attributes:
        min_size: height of the face, framed as FER2013's are, in pixels of the frame.
        min_sharpness: of the crop, as `measure_quality` defines it.
        min_brightness: mean gray level of the middle of the crop.
        min_contrast: standard deviation of its gray levels.
        max_yaw: degrees that the head may be turned to either side.
    """

    min_size: Limit = 22.0
    min_sharpness: Limit = 0.025
    min_brightness: GrayLevel = 40.0
    min_contrast: GrayLevel = 10.0
    max_yaw: Degrees = 40.0


def measure_quality(crop: GrayImage, square: Box, points: KeyPoints | None) -> Quality:
    """Measure the quality of one face: its crop, as the classifier sees it, and where that was cut.

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in
    brightfield microscopy") with two changes. It is divided by the variance of the gray levels, so
    that it is independent of the contrast. And it is split into two directions, of which the weaker
    counts, twice: a head or hand that moves blurs along one direction only.
    """
    if len(crop) != SIDE:  # one limit serves every model
        crop = np.asarray(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    middle = crop[MIDDLE, MIDDLE]
    mean, deviation = cv2.meanStdDev(middle)
    angles = (points.yaw, points.roll) if points else ()
    brightness, contrast = float(mean[0, 0]), float(deviation[0, 0])
    return Quality(square.height, _sharpness(middle), brightness, contrast, *angles)


def find_quality_issues(quality: Quality, settings: QualitySettings) -> tuple[Reason, ...]:
    """Return why a face of this quality cannot be read; empty where it can."""
    issues = {
        Reason.TOO_SMALL: quality.size < settings.min_size,
        Reason.BLURRED: quality.sharpness < settings.min_sharpness,
        Reason.DARK: quality.brightness < settings.min_brightness,
        Reason.LOW_CONTRAST: quality.contrast < settings.min_contrast,
        Reason.SIDE_FACE: quality.yaw is not None and abs(quality.yaw) > settings.max_yaw,
    }
    return tuple(reason for reason, holds in issues.items() if holds)


def _sharpness(part: GrayImage) -> float:
    """Return twice the lesser eigenvalue of the squared Hessian's mean, over the variance.

    The trace of that mean is the variance of the Laplacian, but for the edges of the image.
    """
    gray = cv2.GaussianBlur(part.astype(np.float32), (0, 0), DENOISE_SIGMA)
    variance = float(cv2.meanStdDev(gray)[1][0, 0]) ** 2
    if variance == 0.0:
        return 0.0
    across = (gray[1:-1, 2:] - 2 * gray[1:-1, 1:-1] + gray[1:-1, :-2]).ravel()
    down = (gray[2:, 1:-1] - 2 * gray[1:-1, 1:-1] + gray[:-2, 1:-1]).ravel()
    mixed = ((gray[2:, 2:] - gray[2:, :-2] - gray[:-2, 2:] + gray[:-2, :-2]) / 4).ravel()
    twist = mixed @ mixed
    a, c = float(across @ across + twist), float(down @ down + twist)
    b = float((across + down) @ mixed)
    return (a + c - math.hypot(a - c, 2 * b)) / (len(across) * variance)


class FaceFolder:
    """Numbered face images of one class, for training, which their owner alone may read.

    `emotiond collect` and the page write them. Numbers go on from the last that is there; `note` is
    called before each is written. A DataError says what cannot be made, noted or written.
    """

    def __init__(self, folder: Path, note: Callable[[Path], None]) -> None:
        self._folder, self._note = folder, note
        with os_errors_as(DataError, folder, "made or read"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            stems = [path.stem for path in folder.iterdir()]
        self._last = max((int(stem) for stem in stems if stem.isdecimal()), default=0)

    def add(self, crop: GrayImage) -> Path:
        """Write one more image, as the classifier sees a face; return its file."""
        self._last += 1
        path = self._folder / f"{self._last:06d}.png"
        try:
            if path.exists():
                raise FileExistsError(errno.EEXIST, "another program wrote it meanwhile")
            self._note(path)
            atomic_write(path, cv2.imencode(".png", crop)[1].tobytes(), private=True)
        except OSError as error:
            where = error.filename2 or error.filename or path
            raise DataError(f"{where}: cannot be written: {error.strerror}") from error
        return path
