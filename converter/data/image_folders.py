"""Datasets of image files: class folders, CK+ and JAFFE."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import Dataset, Usage, make_dataset, split_by_name, split_by_subject
from edge.capture.images import SUFFIXES, read_image
from edge.errors import DataError, InputError
from edge.geometry import Box
from edge.infer.crop import crop_gray
from edge.types import EXPRESSIONS, SIDE

SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}
"""What other sets call the expressions."""

VALIDATION = frozenset({"val", "valid", "validation"})

SPLITS = {
    **dict.fromkeys(("train", "training"), Usage.TRAINING),
    **dict.fromkeys((*VALIDATION, "test", "public", "publictest"), Usage.PUBLIC_TEST),
    **dict.fromkeys(("private", "privatetest"), Usage.PRIVATE_TEST),
}
"""The names of folders above the class folders; beside a validation folder, test is PrivateTest."""

FER2013_NAME = re.compile(r"(Training|PublicTest|PrivateTest)_\d+\..+")
"""Names of the images in FER2013 as folders: they tell the split that Kaggle's csv gives."""

CKPLUS_NAME = re.compile(r"(S\d{3})_\d{3}_\d{8}\..+", re.IGNORECASE)
"""Subject, sequence and frame."""

JAFFE_CODES = {
    "AN": "angry",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happy",
    "SA": "sad",
    "SU": "surprise",
    "NE": "neutral",
}

JAFFE_NAME = re.compile(rf"([A-Z]{{2}})\.({'|'.join(JAFFE_CODES)})\d+\.\d+\..+", re.IGNORECASE)
"""Subject, class with a number, and the image's number."""


@dataclass(frozen=True, slots=True)
class ClassFolder:
    """The images of one class.

    Attributes:
        label: index into `EXPRESSIONS`.
        split: name of the split folder above it, in small letters; empty where there is none.
        images: at least one.
    """

    label: int
    split: str
    images: tuple[Path, ...]


def load_folders(root: Path) -> Dataset:
    """Read `root`/CLASS/IMAGE or `root`/SPLIT/CLASS/IMAGE.

    The split is told by the image's name (PublicTest_123.jpg), else by the folder above the class
    folder, else by the hash of the name: four of five are Training, one PublicTest.

    Raises:
        DataError: a class folder is unknown or empty, or an image cannot be read.
    """
    folders = class_folders(root)
    validated = any(folder.split in VALIDATION for folder in folders)
    rows = [(path, folder) for folder in folders for path in folder.images]
    return make_dataset(
        read_faces([path for path, _ in rows]),
        np.array([folder.label for _, folder in rows]),
        np.array([_usage(path, folder, validated) for path, folder in rows]),
        source=root.resolve().name,
    )


def load_ckplus(root: Path) -> Dataset:
    """Read the class folders of CK+, the extended Cohn-Kanade set; split by subject.

    Lucey et al. 2010, doi:10.1109/CVPRW.2010.5543262. The names tell the subject, so a split folder
    above the class folders does not count: such splits put one person on both sides.

    Raises:
        DataError: a class folder is unknown or empty, a name is another, or an image cannot be
            read.
    """
    rows = [(path, folder.label) for folder in class_folders(root) for path in folder.images]
    paths = [path for path, _ in rows]
    subjects = [_parse_name(path, CKPLUS_NAME, "S010_004_00000017.png")[1] for path in paths]
    return _load_subjects(paths, [label for _, label in rows], subjects, "CK+")


def load_jaffe(root: Path) -> Dataset:
    """Read JAFFE, Japanese Female Facial Expressions, whose names tell subject and class.

    Lyons et al. 1998, doi:10.1109/AFGR.1998.670949. Split by subject.

    Raises:
        DataError: there are no images, a name is another, or an image cannot be read.
    """
    paths = find_images(root)
    if not paths:
        raise DataError(f"{root}: expected pictures such as KA.AN1.39.tiff, found none")
    names = [_parse_name(path, JAFFE_NAME, "KA.AN1.39.tiff") for path in paths]
    labels = [EXPRESSIONS.index(JAFFE_CODES[name[2].upper()]) for name in names]
    return _load_subjects(paths, labels, [name[1] for name in names], "JAFFE")


def find_images(root: Path) -> list[Path]:
    """Return the images below `root` in the order of their paths; hidden files are passed over.

    Raises:
        DataError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error

    found: list[Path] = []
    for folder, _, names in os.walk(root, onerror=refuse, followlinks=True):
        found.extend(Path(folder, name) for name in names if is_image(name))
    return sorted(found)


def is_image(name: str) -> bool:
    """Return whether a file is an image, by its name; hidden files never are."""
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def read_faces(paths: Iterable[Path]) -> NDArray[np.uint8]:
    """Return the images, of any size and color, as gray faces, uint8 (n, 48, 48).

    Of an image that is not square its middle is taken.

    Raises:
        DataError: a file is no image.
    """
    return np.stack([_read_face(path) for path in paths])


def class_folders(root: Path) -> list[ClassFolder]:
    """Return every class folder in `root`, or in its split folders, in the order of paths.

    Raises:
        DataError: a folder is no class folder, or empty, or an image lies outside of them.
    """
    found: list[ClassFolder] = []
    for folder in _subfolders(root):
        if folder.name.lower() in SPLITS:
            split = folder.name.lower()
            found.extend(_class_folder(below, split) for below in _subfolders(folder))
        else:
            found.append(_class_folder(folder, ""))
    if not found:
        raise DataError(f"{root}: expected class folders ({', '.join(EXPRESSIONS)}), found none")
    return found


def _subfolders(root: Path) -> Iterator[Path]:
    try:
        children = sorted(root.iterdir())
    except OSError as error:
        raise DataError(f"{root}: cannot be read: {error.strerror}") from error
    for child in children:
        if child.is_dir() and not child.name.startswith("."):
            yield child
        elif is_image(child.name):
            raise DataError(f"{child}: lies outside of the class folders; move it into one")


def _class_folder(path: Path, split: str) -> ClassFolder:
    name = SYNONYMS.get(path.name.lower(), path.name.lower())
    if name not in EXPRESSIONS:
        raise DataError(
            f"{path}: expected a class folder ({', '.join(EXPRESSIONS)}) or a split folder "
            f"({', '.join(sorted(SPLITS))}), found {path.name!r}; rename it or take it out"
        )
    images = tuple(find_images(path))
    if not images:
        raise DataError(f"{path}: expected pictures of this class, found none; fill or remove it")
    return ClassFolder(EXPRESSIONS.index(name), split, images)


def _usage(path: Path, folder: ClassFolder, validated: bool) -> Usage:
    named = FER2013_NAME.fullmatch(path.name)
    if named is not None:
        return Usage(named[1])
    if validated and folder.split == "test":
        return Usage.PRIVATE_TEST
    if folder.split:
        return SPLITS[folder.split]
    return split_by_name(f"{EXPRESSIONS[folder.label]}/{path.name}")


def _parse_name(path: Path, pattern: "re.Pattern[str]", example: str) -> "re.Match[str]":
    found = pattern.fullmatch(path.name)
    if found is None:
        raise DataError(f"{path}: expected a name such as {example}; rename it or take it out")
    return found


def _load_subjects(
    paths: list[Path], labels: list[int], subjects: list[str], source: str
) -> Dataset:
    """Read images whose names tell the subject, in capitals or not."""
    subjects = [subject.upper() for subject in subjects]
    return make_dataset(
        read_faces(paths),
        np.array(labels),
        split_by_subject(subjects),
        source=source,
        subject=np.array(subjects),
    )


def _read_face(path: Path) -> NDArray[np.uint8]:
    try:
        image = read_image(path)
    except InputError as error:
        raise DataError(f"{error}; take it out") from error
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return crop_gray(image, Box(left, top, left + side, top + side), SIDE)
