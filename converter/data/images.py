"""Faces in image files: labeled by class folders or by their set, read as 48x48 gray pixels."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from glob import iglob
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import Dataset, Usage, make_dataset, split_by_name, split_by_subject
from converter.data.label_sets import NUMBERINGS, Codes, find_expression
from edge.capture.images import SUFFIXES, read_image
from edge.detect.detector import Detector, filter_faces
from edge.errors import DataError, InputError
from edge.geometry import Box
from edge.infer.crop import crop_face, crop_gray
from edge.types import EXPRESSIONS, SIDE

log = logging.getLogger(__name__)

SAME_FACE = 0.3  # overlap (IoU) above which a detection is of the face that the set labels
VALIDATION = frozenset({"val", "valid", "validation", "val_set", "fer2013valid"})
TEST = frozenset({"test", "test_set", "fer2013test"})

SPLITS = {
    **dict.fromkeys(("train", "training", "train_set", "fer2013train"), Usage.TRAINING),
    **dict.fromkeys((*VALIDATION, *TEST, "public", "publictest"), Usage.PUBLIC_TEST),
    **dict.fromkeys(("private", "privatetest"), Usage.PRIVATE_TEST),
}
"""The split that the name of a folder tells; `TEST` beside `VALIDATION` is PrivateTest."""

FER2013_NAME = re.compile(r"(Training|PublicTest|PrivateTest)_\d+\..+")  # tells Kaggle's split
OTHER_LABELS = "or give the folder that holds the labels of the set too"


@dataclass(frozen=True, slots=True)
class LabeledImage:
    """Image file with what its set tells of the face in it."""

    path: Path
    label: str  # one of `EXPRESSIONS`, or the code that stands for it in the set
    usage: Usage | None = None  # its split, where the set tells one
    subject: str = ""
    box: Box | None = None  # None where the image shows one face
    votes: tuple[float, ...] = ()  # FER+'s, by `VOTE_COLUMNS`; empty where nobody voted


def is_image(name: str) -> bool:
    """Tell whether a file is an image, by its name; hidden files never are."""
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def read_class_folders(
    root: Path, images: Sequence[Path], subject: Callable[[Path], str]
) -> Iterator[LabeledImage]:
    """Yield the images below `root` with the expressions that folders above them are called after.

    The split is told by the image's name (PublicTest_123.jpg), a folder above, or the name's hash.
    """
    filled = {folder for path in images for folder in path.parents}
    for name in sorted(iglob("**/", root_dir=root, recursive=True)):  # noqa: PTH207
        if (below := root / name) not in filled:
            raise DataError(f"{below}: expected images of a class, found none; fill or remove it")
    places = [path.relative_to(root).parts[:-1] for path in images]
    usages = split_usages(name for above in places for name in above)
    expressions = {name: find_expression(name) for name in usages}
    if not any(expressions.values()):
        expressions |= _numbered(root, {name for name in usages if name.isdecimal()})
    for path, above in zip(images, places, strict=True):
        label = next(filter(None, map(expressions.get, above)), None)
        if label is None:
            folders = f"class folders ({', '.join(EXPRESSIONS)}); move it, rename its folder"
            raise DataError(f"{path}: lies outside of the {folders}, {OTHER_LABELS}")
        told = FER2013_NAME.fullmatch(path.name)
        known = Usage(told[1]) if told else next(filter(None, map(usages.get, above)), None)
        usage = known or split_by_name(f"{label}/{path.name}")
        yield LabeledImage(path, label, usage, subject(path))


def split_usages(folders: Iterable[str]) -> dict[str, Usage | None]:
    """Return the split that each folder's name tells; None where it tells none."""
    names = {folder: folder.lower() for folder in folders}
    usages = {folder: SPLITS.get(name) for folder, name in names.items()}
    if VALIDATION & set(names.values()):
        usages |= {folder: Usage.PRIVATE_TEST for folder, name in names.items() if name in TEST}
    return usages


def _numbered(root: Path, names: set[str]) -> Codes:
    """Return the expressions, in the order of the set that is named, or has just these numbers."""
    title, numbers = root.resolve().name.lower(), {str(int(name)) for name in names}
    called = [source for source in NUMBERINGS if source.partition("-")[0].lower() in title]
    fitting = [source for source in called if numbers <= NUMBERINGS[source].keys()]
    fitting += [source for source, codes in NUMBERINGS.items() if numbers == codes.keys()]
    if not fitting:
        raise DataError(
            f"{root}: expected class folders called after {', '.join(EXPRESSIONS)}, or 1 to 7 as "
            "RAF-DB has them, 0 to 7 (AffectNet) or 0 to 6 (FER2013), found "
            f"{', '.join(sorted(names)) or 'none'}; rename them after their classes, {OTHER_LABELS}"
        )
    codes = NUMBERINGS[fitting[0]]
    order = ", ".join(f"{number} {codes[number]}" for number in sorted(numbers))
    log.warning(f"{root}: class folders are read in the order of {fitting[0]}: {order}")
    return {name: codes[str(int(name))] for name in names}


def load_images(images: Sequence[LabeledImage], source: str, detector: Detector | None) -> Dataset:
    """Read images as one set, split by subject, as told, or by name; DataError without a face."""
    read = [(image, _read_face(image, detector)) for image in images]
    faces = [(image, face) for image, face in read if face is not None]
    missed = [image.path for image, face in read if face is None]
    if not faces:
        found = f"found none in all {len(images)}; if they are cut to it already, leave out --crop"
        raise DataError(f"{source}: expected a face in each image, {found}")
    if missed:
        told = f"{len(missed)} of {len(images)} images, such as {missed[0]}; they are left out"
        log.warning(f"{source}: found no face in {told}")
    known = [image for image, _ in faces]
    votes = np.array([image.votes for image in known], dtype=np.float32)
    subjects = [image.subject for image in known]
    usages = [image.usage or split_by_name(image.path.name) for image in known]
    return make_dataset(
        np.stack([face for _, face in faces]),
        np.array([EXPRESSIONS.index(image.label) for image in known]),
        split_by_subject(subjects) if any(subjects) else np.array(usages),
        source=source,
        subject=np.array(subjects),
        votes=votes if votes.size else None,
    )


def _read_face(image: LabeledImage, detector: Detector | None) -> NDArray[np.uint8] | None:
    """Return the largest face, or that in the box; without a detector the middle square of it."""
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
