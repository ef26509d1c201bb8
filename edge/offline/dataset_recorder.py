"""Dataset recorder: crops of the largest face in view, written as labeled images."""

import errno
from collections.abc import Iterator
from pathlib import Path

import cv2

from edge.capture import Source
from edge.capture.source import iter_frames
from edge.detect import Detector
from edge.detect.detector import filter_faces
from edge.errors import DataError
from edge.infer.crop import crop_face
from edge.paths import atomic_write
from edge.types import SIDE, GrayImage

MIN_INTERVAL_S = 0.5
"""Seconds of the source's own clock between two images: closer ones are hardly different."""


def record_faces(source: Source, detector: Detector, folder: Path) -> Iterator[Path]:
    """Write the largest face of a frame every half second; yield each file as it is written.

    Crops are made as the daemon makes them for its classifier. Their numbers continue from the
    last image in `folder`, so that nothing is overwritten. An input that cannot be read is logged
    and skipped.

    Args:
        source: read until it ends.
        detector: finds the faces.
        folder: of the class; it is created where it is missing.

    Raises:
        DataError: an image cannot be written.
    """
    number, due = _last_number(folder), float("-inf")
    for frame in iter_frames(source):
        faces = [] if frame.timestamp < due else filter_faces(detector.detect(frame.image))
        if not faces:
            continue
        face = max(faces, key=lambda face: face.box.area)
        crop = crop_face(frame.image, face.box, face.points, detector.crop_fit, SIDE)
        due, number = frame.timestamp + MIN_INTERVAL_S, number + 1
        path = folder / f"{number:06d}.png"
        _write(path, crop)
        yield path


def _last_number(folder: Path) -> int:
    """Create the folder where it is missing; return the highest image number in it, or 0."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stems = [path.stem for path in folder.iterdir()]
    except OSError as error:
        raise DataError(f"{folder}: cannot be made or read: {error.strerror}") from error
    return max((int(stem) for stem in stems if stem.isdecimal()), default=0)


def _write(path: Path, crop: GrayImage) -> None:
    """Write an image whole or not at all, and never over another."""
    _, data = cv2.imencode(".png", crop)
    try:
        if path.exists():
            raise FileExistsError(errno.EEXIST, "another program wrote it meanwhile")
        atomic_write(path, data.tobytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error
