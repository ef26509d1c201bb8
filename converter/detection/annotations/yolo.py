"""YOLO: a text file a picture, a line a box, in shares of the picture."""

from pathlib import Path

import msgspec

from converter.data.images import find_pictures
from converter.detection.annotations.boxes import FaceBox, in_picture, photograph
from converter.detection.annotations.classes import check_faces, is_face
from converter.detection.annotations.place import MEND, Line, read_bytes, read_lines
from converter.detection.annotations.size import Size, read_size
from converter.detection.annotations.split import by_name
from converter.detection.photographs import Photograph, Split
from edge.errors import DataError
from edge.geometry import Box

IMAGES, LABELS = "images", "labels"
CLASSES = "classes.txt"

SPLITS = {
    **dict.fromkeys(("train", "training"), Split.TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "test"), Split.TEST),
}
"""The names of folders above or below images/ and labels/."""

LARGEST = 1.01
"""Shares that were rounded, or computed from a box a little too large, go beyond 1."""


class Data(msgspec.Struct):
    """What is read of data.yaml: the classes, in their order or by their numbers."""

    names: list[str] | dict[int, str]


def is_yolo(root: Path) -> bool:
    """Tell whether `root`, or a split folder in it, holds images/ and labels/."""
    return any((folder.parent / LABELS).is_dir() for folder in _image_folders(root))


def load_yolo(root: Path) -> tuple[Photograph, ...]:
    """Read images/ and labels/, with train/ and val/ in them, or each in train/ and val/.

    Objects of other classes than those of `classes.FACES` are passed over. Without names in
    data.yaml or classes.txt there is one class, the face.

    Raises:
        DataError: a file is malformed; the text names file and line.
    """
    pictures = [path for folder in _image_folders(root) for path in find_pictures(folder)]
    if not pictures:
        raise DataError(f"{root}: expected pictures in {IMAGES}, found none; {MEND}")
    labels = {path: _label_file(root, path) for path in pictures}
    _check_folders(labels)
    _check_pictures(labels)
    names = _names(root)
    source = root.resolve().name
    return tuple(_photograph(root, path, labels[path], names, source) for path in pictures)


def _image_folders(root: Path) -> list[Path]:
    splits = sorted(path for path in root.glob("*") if path.name.lower() in SPLITS)
    return [path / IMAGES for path in (root, *splits) if (path / IMAGES).is_dir()]


def _label_file(root: Path, picture: Path) -> Path:
    parts = list(picture.relative_to(root).parts)
    parts[parts.index(IMAGES)] = LABELS
    return root.joinpath(*parts).with_suffix(".txt")


def _check_folders(labels: dict[Path, Path]) -> None:
    """Check that only files of labels are missing: without the folder all faces would be."""
    for picture, path in labels.items():
        if not path.parent.is_dir():
            raise DataError(
                f"{path.parent}: expected the labels of {picture.parent}, found no folder; "
                "make it, empty if those pictures have no faces"
            )


def _check_pictures(labels: dict[Path, Path]) -> None:
    known = set(labels.values())
    folders = {path.parent for path in known}
    for path in sorted(path for folder in folders for path in folder.glob("*.txt")):
        if path not in known and path.name != CLASSES and not path.name.startswith("."):
            raise DataError(
                f"{path}: expected a picture called {path.stem} in {IMAGES}, found none; "
                "put it there, or delete this file"
            )


def _names(root: Path) -> dict[int, str]:
    """Return the names of the classes by their numbers."""
    if (root / "data.yaml").is_file():
        return _named(root / "data.yaml")
    for path in (root / CLASSES, root / LABELS / CLASSES):
        if path.is_file():
            names = [line.text for line in read_lines(path)]
            check_faces(path, names)
            return dict(enumerate(names))
    return {0: "face"}


def _named(path: Path) -> dict[int, str]:
    try:
        names = msgspec.yaml.decode(read_bytes(path), type=Data).names
    except (msgspec.DecodeError, UnicodeError) as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}; {MEND}") from error
    numbered = names if isinstance(names, dict) else dict(enumerate(names))
    check_faces(path, numbered.values())
    return numbered


def _photograph(
    root: Path, path: Path, labels: Path, names: dict[int, str], source: str
) -> Photograph:
    size = read_size(path)
    lines = read_lines(labels) if labels.exists() else []
    faces = [FaceBox(_box(line, size), ignored=False) for line in lines if _is_face(line, names)]
    return photograph(path, size, faces, source, _split(path.relative_to(root)))


def _split(picture: Path) -> Split:
    """Return the split that a folder above the picture tells, else the one its name gives."""
    told = (SPLITS[name] for name in map(str.lower, picture.parts[:-1]) if name in SPLITS)
    return next(told, by_name(picture.name))


def _is_face(line: Line, names: dict[int, str]) -> bool:
    fields = line.text.split()
    if len(fields) != 5:
        raise line.error(
            f"expected 5 fields (class cx cy w h), found {len(fields)} in {line.text!r}; {MEND}"
        )
    number = line.whole(fields[0], "class")
    if number not in names:
        known = ", ".join(f"{known} {name}" for known, name in names.items()) or "those named"
        raise line.error(
            f"expected a class of {known}, found {number}; name it in data.yaml or {CLASSES}"
        )
    return is_face(names[number])


def _box(line: Line, size: Size) -> Box:
    texts = line.text.split()[1:]
    named = zip(texts, ("cx", "cy", "w", "h"), strict=True)
    x, y, width, height = (_share(line, text, name) for text, name in named)
    left, top = (x - width / 2) * size.width, (y - height / 2) * size.height
    right, bottom = (x + width / 2) * size.width, (y + height / 2) * size.height
    return in_picture(Box(left, top, right, bottom), size, line)


def _share(line: Line, text: str, name: str) -> float:
    share = line.number(text, name)
    if not 0 <= share <= LARGEST:
        expected = f"a share of the picture from 0 to 1 as {name}"
        raise line.error(f"expected {expected}, found {text!r}; pixels are to be divided")
    return share
