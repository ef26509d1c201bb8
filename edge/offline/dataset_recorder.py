"""Crops of the largest face in view, written as pictures of one class."""

import errno
from collections.abc import Iterator
from pathlib import Path

import cv2

from edge.capture import Source
from edge.capture.source import iter_frames
from edge.detect import Detector
from edge.errors import DataError
from edge.fileio import atomic_write
from edge.infer.crop import crop_face
from edge.labels import SIDE
from edge.track.landmark_filter import filter_faces
from edge.types import Frame, GrayImage

INTERVAL = 0.5
"""Seconds of the source's own clock between two pictures: closer ones are hardly two."""


def record_faces(source: Source, detector: Detector, folder: Path) -> Iterator[Path]:
    """Write the largest face of a frame every half second; yield each file as it is written.

    The crops are made as the daemon makes those that it classifies. They are numbered on from the
    last picture in `folder`, so that nothing is overwritten. An input that cannot be read is
    logged and passed over.

    Args:
        source: what is watched, until it ends.
        detector: finds the faces.
        folder: of the class; made where it is missing.

    Raises:
        DataError: a picture cannot be written.
    """
    for number, crop in enumerate(_crops(source, detector), start=_last_number(folder) + 1):
        path = folder / f"{number:06d}.png"
        _write(path, crop)
        yield path


def _crops(source: Source, detector: Detector) -> Iterator[GrayImage]:
    """Yield crops that lie `INTERVAL` apart."""
    due = float("-inf")
    for frame in iter_frames(source):
        if frame.timestamp < due:
            continue
        crop = _largest(frame, detector)
        if crop is not None:
            due = frame.timestamp + INTERVAL
            yield crop


def _largest(frame: Frame, detector: Detector) -> GrayImage | None:
    faces = filter_faces(detector.detect(frame.image))
    if not faces:
        return None
    face = max(faces, key=lambda face: face.box.area)
    return crop_face(frame.image, face.box, face.points, detector.crop_fit, SIDE)


def _last_number(folder: Path) -> int:
    """Make the folder where it is missing; return the highest number of a picture in it, or 0."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stems = [path.stem for path in folder.iterdir()]
    except OSError as error:
        raise DataError(f"{folder}: cannot be made or read: {error.strerror}") from error
    return max((int(stem) for stem in stems if stem.isdecimal()), default=0)


def _write(path: Path, crop: GrayImage) -> None:
    """Write a picture whole or not at all, and over no other."""
    _, data = cv2.imencode(".png", crop)
    try:
        if path.exists():
            raise FileExistsError(errno.EEXIST, "another program wrote it meanwhile")
        atomic_write(path, data.tobytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error
