"""Faces in image files: labeled as their set labels them, read as 48x48 gray pixels."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from glob import iglob
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
from edge.types import EXPRESSIONS, SIDE

log = logging.getLogger(__name__)

NO_VOTES = (0.0,) * len(VOTE_COLUMNS)

SAME_FACE = 0.3
"""Overlap (IoU) above which a detection is of the face that the set labels."""


@dataclass(frozen=True, slots=True)
class LabeledImage:
    """Image file with what its set tells of the face in it.

    Attributes:
        label: one of `EXPRESSIONS`, or the code that stands for it in the set.
        usage: its split; None where the set tells none.
        subject: who it shows; empty where unknown.
        box: where the face is, in pixels; None where the image shows one face.
        votes: FER+'s, in the order of `VOTE_COLUMNS`.
    """

    path: Path
    label: str
    usage: Usage | None = None
    subject: str = ""
    box: Box | None = None
    votes: tuple[float, ...] = NO_VOTES


def find_files(root: Path) -> list[Path]:
    """Return the files below `root` by path, hidden ones left out."""
    # Unlike Path.rglob, it follows links to folders.
    found = (root / name for name in iglob("**", root_dir=root, recursive=True))  # noqa: PTH207
    return sorted(path for path in found if path.is_file())


def find_folders(root: Path) -> list[Path]:
    """Return the folders below `root` by path, hidden ones left out."""
    found = iglob("**/", root_dir=root, recursive=True)  # noqa: PTH207
    return sorted(root / name for name in found)


def is_image(name: str) -> bool:
    """Tell whether a file is an image, by its name; hidden files never are."""
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def load_images(
    images: Sequence[LabeledImage], source: str, detector: Detector | None = None
) -> Dataset:
    """Read labeled images as one set; images in which `detector` finds no face are left out.

    The split is by subject where subjects are known, else the set's own, else the hash of the name:
    four of five are Training, one PublicTest.

    Raises:
        DataError: a file is no image, or there is a face in none.
    """
    read = [(image, _read_face(image, detector)) for image in images]
    faces = [(image, face) for image, face in read if face is not None]
    missed = [image.path for image, face in read if face is None]
    if not faces:
        raise DataError(
            f"{source}: expected a face in each image, found none in all {len(images)}; "
            "where they are cut to the face already, leave out --crop"
        )
    if missed:
        log.warning(
            f"{source}: found no face in {len(missed)} of {len(images)} images, such as "
            f"{missed[0]}; they are left out"
        )
    known = [image for image, _ in faces]
    subjects = [image.subject for image in known]
    usages = [image.usage or split_by_name(image.path.name) for image in known]
    return make_dataset(
        np.stack([face for _, face in faces]),
        np.array([EXPRESSIONS.index(image.label) for image in known]),
        split_by_subject(subjects) if any(subjects) else np.array(usages),
        source=source,
        subject=np.array(subjects),
        votes=np.array([image.votes for image in known], dtype=np.float32),
    )


def _read_face(image: LabeledImage, detector: Detector | None) -> NDArray[np.uint8] | None:
    """Return the largest face or that in the box, cropped as the daemon does; None without one.

    Without a detector it is the middle square of the image, or of the box.
    """
    try:
        pixels = read_image(image.path)
    except InputError as error:
        raise DataError(f"{error}; take it out") from error
    known, (height, width) = image.box, pixels.shape[:2]
    if detector is None:
        box = known or Box(0, 0, width, height)
        side = round(max(box.width, box.height)) if known else min(width, height)
        left, top = box.x1 + (box.width - side) // 2, box.y1 + (box.height - side) // 2
        return crop_gray(pixels, Box(left, top, left + side, top + side), SIDE)
    faces = filter_faces(detector.detect(pixels))
    if known is not None:
        faces = [face for face in faces if face.box.iou(known) > SAME_FACE]
    if not faces:
        return None
    best = max(faces, key=lambda face: face.box.iou(known) if known else face.box.area)
    return crop_face(pixels, best.box, best.points, detector.crop_fit, SIDE)
