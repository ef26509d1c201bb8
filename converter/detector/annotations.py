"""Annotated images: files with the boxes of the faces in them, as published sets write them.

Two forms are read, and told apart by what is there:

    annotations.csv   our own, a row a box; beside it negatives.csv, images without a face.
    WIDER FACE        its own text files (Yang et al. 2016, doi:10.1109/CVPR.2016.596).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.data.csv_files import read_csv
from converter.data.images import is_image
from converter.detector.annotation_io import (
    MEND,
    WHOLE,
    AnnotatedBox,
    Size,
    SourceLine,
    clip,
    read_lines,
    read_size,
)
from edge.errors import DataError
from edge.geometry import Box
from edge.types import Image

Boxes = NDArray[np.float32]
"""Left, top, right, bottom in pixels of the image, float32 (n, 4)."""

ANNOTATIONS = "annotations.csv"
NEGATIVES = "negatives.csv"
IMAGE_COLUMNS = ("file", "width", "height", "source", "split")
BOX_COLUMNS = ("x", "y", "w", "h", "ignore")

WIDER_FIELDS = "x y w h blur expression illumination invalid occlusion pose"


class Split(StrEnum):
    """Split of an image: `test` is never trained on."""

    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedImage:
    """An image file and the faces in it.

    Attributes:
        path: the file.
        width, height: in pixels, as the annotations say.
        boxes: of every face, none in an image without faces.
        ignored: (n,), which boxes are neither face nor background: too small or unclear.
        source: the set it belongs to.
        split: what it is for.
    """

    path: Path
    width: int
    height: int
    boxes: Boxes
    ignored: NDArray[np.bool_]
    source: str
    split: Split

    def read(self) -> Image:
        """Return the image, BGR uint8 (height, width, 3), of the size that was annotated.

        Raises:
            DataError: it is missing, or no image.
        """
        image = cv2.imread(str(self.path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is None:
            raise DataError(f"{self.path}: expected a picture that OpenCV can read")
        if image.shape[:2] != (self.height, self.width):
            found = f"{image.shape[1]}x{image.shape[0]}"
            raise DataError(
                f"{self.path}: expected {self.width}x{self.height} as annotated, found {found}"
            )
        return np.asarray(image, dtype=np.uint8)


def of_split(images: Iterable[AnnotatedImage], split: Split) -> tuple[AnnotatedImage, ...]:
    """Return those of one split."""
    return tuple(one for one in images if one.split is split)


def read_annotations(path: Path) -> tuple[AnnotatedImage, ...]:
    """Read the annotated images at `path`, a file or a folder, in whichever form.

    Raises:
        DataError: the form is unknown, or a file is malformed; the text names file and line.
    """
    if not path.exists():
        raise DataError(f"{path}: cannot be read: there is no such file or folder")
    if path.suffix.lower() == ".csv" or (path / ANNOTATIONS).is_file():
        return read_annotations_csv(path)
    if _wider_files(path):
        return read_wider(path)
    raise DataError(f"{path}: expected {ANNOTATIONS} or text files of WIDER FACE, found neither")


def _annotated(
    path: Path, size: Size, faces: Sequence[AnnotatedBox], source: str, split: Split
) -> AnnotatedImage:
    edges = [face.box.edges for face in faces]
    return AnnotatedImage(
        path,
        size.width,
        size.height,
        boxes=np.array(edges, dtype=np.float32).reshape(-1, 4),
        ignored=np.array([face.ignored for face in faces], dtype=np.bool_),
        source=source,
        split=split,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """Fields of a csv row that describe its image."""

    path: Path
    size: Size
    source: str
    split: Split

    def __str__(self) -> str:
        return f"{self.size} {self.source} {self.split}"


@dataclass(frozen=True, slots=True)
class _Entry:
    """An image, the line that names it first, and the faces of all rows that name it."""

    row: _Row
    line: SourceLine
    faces: list[AnnotatedBox] = field(default_factory=list)


def read_annotations_csv(path: Path) -> tuple[AnnotatedImage, ...]:
    """Read annotations.csv, named itself or by its folder, and negatives.csv where it lies beside.

    Raises:
        DataError: a file is malformed; the text names file and line.
    """
    table = path / ANNOTATIONS if path.is_dir() else path
    entries: dict[Path, _Entry] = {}
    for line, texts in _csv_lines(table, (*IMAGE_COLUMNS, *BOX_COLUMNS)):
        entry = _entry(entries, line, texts)
        left, top, width, height = (line.number(texts[name], name) for name in "xywh")
        box = line.box_in_image(Box(left, top, left + width, top + height), entry.row.size)
        entry.faces.append(AnnotatedBox(box, line.flag(texts["ignore"], "ignore")))
    if (table.parent / NEGATIVES).exists():
        for line, texts in _csv_lines(table.parent / NEGATIVES, IMAGE_COLUMNS):
            entry = _entry(entries, line, texts)
            if entry.faces:
                found = f"a box in line {entry.line.line} of {entry.line.path.name}"
                raise line.error(
                    f"expected a picture without faces, found {found}; delete one of them"
                )
    return tuple(
        _annotated(one.row.path, one.row.size, one.faces, one.row.source, one.row.split)
        for one in entries.values()
    )


def _csv_lines(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[SourceLine, dict[str, str]]]:
    for row in read_csv(path, columns):
        line = SourceLine(path, row.line)
        # csv gathers what is beyond the header's columns in a list.
        if not all(isinstance(text, str) for text in row.texts.values()):
            raise line.error(f"expected as many fields as the header has, found more; {MEND}")
        yield line, row.texts


def _entry(entries: dict[Path, _Entry], line: SourceLine, texts: dict[str, str]) -> _Entry:
    """Return the entry of the row's image, a new one where it is named for the first time."""
    if texts["split"] not in tuple(Split):
        known = " or ".join(Split)
        raise line.error(f"expected {known} as split, found {texts['split']!r}; {MEND}")
    row = _Row(
        line.image(texts["file"], line.path.parent),
        Size(line.whole(texts["width"], "width", 1), line.whole(texts["height"], "height", 1)),
        texts["source"],
        Split(texts["split"]),
    )
    entry = entries.setdefault(row.path, _Entry(row, line))
    if entry.row != row:
        raise line.error(f"expected {entry.row} as in line {entry.line.line}, found {row}; {MEND}")
    return entry


@dataclass(frozen=True, slots=True)
class _WiderPart:
    """One of the two published parts that bring boxes.

    Attributes:
        folder: of its images, beside the folder of the text files.
        source: what it is called in `AnnotatedImage.source`.
        split: the val part is what others are compared on, so it is never trained on.
    """

    folder: str
    source: str
    split: Split


WIDER_PARTS = {
    "wider_face_train_bbx_gt.txt": _WiderPart("WIDER_train", "widerface_train", Split.TRAIN),
    "wider_face_val_bbx_gt.txt": _WiderPart("WIDER_val", "widerface_val", Split.TEST),
}


def read_wider(path: Path) -> tuple[AnnotatedImage, ...]:
    """Read a text file, or those of a folder; the images lie in WIDER_train and WIDER_val.

    Invalid boxes are ignored. Those of no width or height, which the published files have, are
    left out.

    Raises:
        DataError: a file is malformed; the text names file and line.
    """
    return tuple(one for file in _wider_files(path.resolve()) for one in _wider_images(file))


def _wider_files(path: Path) -> list[Path]:
    """Return the text files at `path`: itself, those in it, or in its wider_face_split."""
    if path.name in WIDER_PARTS:
        return [path]
    folders = (path, path / "wider_face_split")
    return [
        folder / name for folder in folders for name in WIDER_PARTS if (folder / name).is_file()
    ]


def _wider_images(file: Path) -> Iterator[AnnotatedImage]:
    part = WIDER_PARTS[file.name]
    folder = file.parent.parent / part.folder / "images"
    for name, rows in _wider_blocks(file):
        path = name.image(name.text, folder)
        size = read_size(path)
        faces = [face for row in rows if (face := _wider_face(row, size)) is not None]
        yield _annotated(path, size, faces, part.source, part.split)


def _wider_blocks(file: Path) -> Iterator[tuple[SourceLine, list[SourceLine]]]:
    """Yield the line that names an image, and the lines of its boxes."""
    lines = read_lines(file)
    if not lines:
        raise DataError(f"{file}: expected names of pictures, found an empty file; {WHOLE}")
    seen: dict[str, int] = {}
    start = 0
    while start < len(lines):
        name = lines[start]
        if not is_image(Path(name.text).name):
            found = f"{name.text!r}; the count above may be too small"
            raise name.error(f"expected the name of a picture, found {found}")
        first = seen.setdefault(name.text, name.line)
        if first != name.line:
            raise name.error(f"expected each picture once, found {name.text!r} in line {first} too")
        rows = _wider_rows(lines, start)
        yield name, rows
        start += 2 + len(rows)


def _wider_rows(lines: list[SourceLine], start: int) -> list[SourceLine]:
    """Return the lines of the boxes whose image is named in line `start`."""
    last = lines[-1]
    if start + 1 == len(lines):
        raise last.error(f"expected the count of boxes behind this line, found the end; {WHOLE}")
    count = lines[start + 1].whole(lines[start + 1].text, "count of boxes")
    # An image without faces still has one line, of zeros.
    rows = lines[start + 2 : start + 2 + max(count, 1)]
    if len(rows) < max(count, 1):
        expected = f"{max(count, 1)} lines of boxes behind line {lines[start + 1].line}"
        raise last.error(f"expected {expected}, found {len(rows)}; {WHOLE}")
    if count == 0 and set(rows[0].text.split()) != {"0"}:
        raise rows[0].error(f"expected a line of zeros under the count 0, found {rows[0].text!r}")
    return rows


def _wider_face(row: SourceLine, size: Size) -> AnnotatedBox | None:
    """Return the face of a line; None where the box has no area, or is invalid and outside."""
    fields = row.text.split()
    if len(fields) != 10:
        found = f"{len(fields)} in {row.text!r}"
        raise row.error(
            f"expected 10 numbers ({WIDER_FIELDS}), found {found}; is the count too large?"
        )
    left, top, width, height = (
        row.number(text, name) for text, name in zip(fields, "xywh", strict=False)
    )
    box, invalid = Box(left, top, left + width, top + height), row.flag(fields[7], "invalid")
    if 0 in (width, height) or (invalid and clip(box, size) is None):
        return None
    return AnnotatedBox(row.box_in_image(box, size), invalid)
