"""Faces in image files: labeled as their set labels them, read as 48x48 gray pixels."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import (
    VOTE_COLUMNS,
    Dataset,
    Usage,
    make_dataset,
    split_by_name,
    split_by_subject,
)
from edge.capture.images import SUFFIXES, read_image
from edge.detect import Detector
from edge.detect.detector import filter_faces
from edge.errors import DataError, InputError
from edge.geometry import Box
from edge.infer.crop import crop_face, crop_gray
from edge.types import EXPRESSIONS, SIDE, Image

log = logging.getLogger(__name__)

NO_VOTES = (0.0,) * len(VOTE_COLUMNS)

SAME_FACE = 0.3
"""Overlap (IoU) above which a detection is of the face that the set labels."""


@dataclass(frozen=True, slots=True)
class LabeledImage:
    """Image file with what its set tells of the face in it.

    Attributes:
        path: the file.
        label: one of `EXPRESSIONS`, or the code that stands for it in the set.
        usage: its split; None where the set tells none.
        subject: who it shows; empty where unknown.
        box: where the face is in the image, in pixels; None where the image shows one face.
        votes: FER+'s, in the order of `VOTE_COLUMNS`.
    """

    path: Path
    label: str
    usage: Usage | None = None
    subject: str = ""
    box: Box | None = None
    votes: tuple[float, ...] = NO_VOTES


def find_files(root: Path) -> list[Path]:
    """Return the files below `root` by path, hidden ones left out; DataError if unreadable."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error

    found: list[Path] = []
    for folder, below, names in os.walk(root, onerror=refuse, followlinks=True):
        below[:] = [name for name in below if not name.startswith(".")]
        found.extend(Path(folder, name) for name in names if not name.startswith("."))
    return sorted(found)


def is_image(name: str) -> bool:
    """Tell whether a file is an image, by its name; hidden files never are."""
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def load_images(
    images: Sequence[LabeledImage], source: str, detector: Detector | None = None
) -> Dataset:
    """Read labeled images as one set.

    The split is the set's own, else by subject, else by the hash of the name: four of five are
    Training, one PublicTest.

    `detector` finds and cuts out the faces; images in which it finds none are left out, and told.
    Without one the middle square of each image is taken, or of the face's box.

    Raises:
        DataError: a file is no image, or there is a face in none.
    """
    subjects = [image.subject for image in images]
    usages = [image.usage or split_by_name(image.path.name) for image in images]
    faces = [_read_face(image, detector) for image in images]
    found = np.array([face is not None for face in faces])
    if not found.any():
        raise DataError(
            f"{source}: expected a face in each image, found none in all {len(images)}; "
            "where they are cut to the face already, leave out --crop"
        )
    if not found.all():
        log.warning(
            f"{source}: found no face in {(~found).sum()} of {len(images)} images, such as "
            f"{images[int(np.argmin(found))].path}; they are left out"
        )
    blank = np.zeros((SIDE, SIDE), np.uint8)
    return make_dataset(
        np.stack([blank if face is None else face for face in faces]),
        np.array([EXPRESSIONS.index(image.label) for image in images]),
        split_by_subject(subjects) if any(subjects) else np.array(usages),
        source=source,
        subject=np.array(subjects),
        votes=np.array([image.votes for image in images], dtype=np.float32),
    ).select(found)


def _read_face(image: LabeledImage, detector: Detector | None) -> NDArray[np.uint8] | None:
    try:
        pixels = read_image(image.path)
    except InputError as error:
        raise DataError(f"{error}; take it out") from error
    if detector is not None:
        return _find_face(pixels, image.box, detector)
    height, width = pixels.shape[:2]
    box = image.box or Box(0, 0, width, height)
    side = round(max(box.width, box.height)) if image.box else min(width, height)
    left, top = box.x1 + (box.width - side) // 2, box.y1 + (box.height - side) // 2
    return crop_gray(pixels, Box(left, top, left + side, top + side), SIDE)


def _find_face(pixels: Image, known: Box | None, detector: Detector) -> NDArray[np.uint8] | None:
    """Return the largest face, or the one that is known, cropped as the daemon crops it."""
    faces = filter_faces(detector.detect(pixels))
    if known is not None:
        faces = [face for face in faces if face.box.iou(known) > SAME_FACE]
    if not faces:
        return None
    best = max(faces, key=lambda face: face.box.iou(known) if known else face.box.area)
    return crop_face(pixels, best.box, best.points, detector.crop_fit, SIDE)
