"""Any folder of class folders, FER2013 as folders of pictures among them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter.data.dataset import Dataset, Usage, dataset
from converter.data.images import find_pictures, is_picture, read_faces
from converter.data.split import by_name
from edge.errors import DataError
from edge.labels import EXPRESSIONS

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

TOLD = re.compile(r"(Training|PublicTest|PrivateTest)_\d+\..+")
"""Names of the pictures in FER2013 as folders: they tell the split that Kaggle's csv gives."""


@dataclass(frozen=True, slots=True)
class ClassFolder:
    """The pictures of one class.

    Attributes:
        label: index into `EXPRESSIONS`.
        split: name of the split folder above it, in small letters; empty where there is none.
        pictures: at least one.
    """

    label: int
    split: str
    pictures: tuple[Path, ...]


def load_folders(root: Path) -> Dataset:
    """Read `root`/CLASS/PICTURE or `root`/SPLIT/CLASS/PICTURE.

    The split is told by the picture's name (PublicTest_123.jpg), else by the folder above the class
    folder, else by chance that follows from the name: four of five are Training, one PublicTest.

    Raises:
        DataError: a class folder is unknown or empty, or a picture cannot be read.
    """
    folders = class_folders(root)
    validated = any(folder.split in VALIDATION for folder in folders)
    rows = [(path, folder) for folder in folders for path in folder.pictures]
    return dataset(
        read_faces([path for path, _ in rows]),
        np.array([folder.label for _, folder in rows]),
        np.array([_usage(path, folder, validated) for path, folder in rows]),
        source=root.resolve().name,
    )


def class_folders(root: Path) -> list[ClassFolder]:
    """Return every class folder in `root`, or in its split folders, in the order of paths.

    Raises:
        DataError: a folder is no class folder, or empty, or a picture lies outside of them.
    """
    found: list[ClassFolder] = []
    for folder in _folders(root):
        if folder.name.lower() in SPLITS:
            split = folder.name.lower()
            found.extend(_class_folder(below, split) for below in _folders(folder))
        else:
            found.append(_class_folder(folder, ""))
    if not found:
        raise DataError(f"{root}: expected class folders ({', '.join(EXPRESSIONS)}), found none")
    return found


def _folders(root: Path) -> Iterator[Path]:
    try:
        children = sorted(root.iterdir())
    except OSError as error:
        raise DataError(f"{root}: cannot be read: {error.strerror}") from error
    for child in children:
        if child.is_dir() and not child.name.startswith("."):
            yield child
        elif is_picture(child.name):
            raise DataError(f"{child}: lies outside of the class folders; move it into one")


def _class_folder(path: Path, split: str) -> ClassFolder:
    name = SYNONYMS.get(path.name.lower(), path.name.lower())
    if name not in EXPRESSIONS:
        raise DataError(
            f"{path}: expected a class folder ({', '.join(EXPRESSIONS)}) or a split folder "
            f"({', '.join(sorted(SPLITS))}), found {path.name!r}; rename it or take it out"
        )
    pictures = tuple(find_pictures(path))
    if not pictures:
        raise DataError(f"{path}: expected pictures of this class, found none; fill or remove it")
    return ClassFolder(EXPRESSIONS.index(name), split, pictures)


def _usage(path: Path, folder: ClassFolder, validated: bool) -> Usage:
    told = TOLD.fullmatch(path.name)
    if told is not None:
        return Usage(told[1])
    if validated and folder.split == "test":
        return Usage.PRIVATE_TEST
    if folder.split:
        return SPLITS[folder.split]
    return by_name(f"{EXPRESSIONS[folder.label]}/{path.name}")
