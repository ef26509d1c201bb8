"""Annotated images: files with the boxes of the faces in them, as published sets write them.

Two forms are read, and told apart by what is there:

    annotations.csv   our own, a row a box; beside it negatives.csv, images without a face.
    WIDER FACE        its own text files (Yang et al. 2016, doi:10.1109/CVPR.2016.596).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data.csv_files import read_csv
from converter.data.images import is_image
from edge.config_errors import format_validation_error
from edge.errors import DataError
from edge.types import Image

Boxes = NDArray[np.float32]
"""Left, top, right, bottom in pixels of the image, float32 (n, 4)."""

Size = tuple[int, int]
"""Width and height in pixels."""

BoxRow = tuple[list[float], bool]
"""Left, top, right and bottom of a face, and whether it is ignored."""

ANNOTATIONS = "annotations.csv"
NEGATIVES = "negatives.csv"

WIDER_FIELDS = "x y w h blur expression illumination invalid occlusion pose"

DOWNLOAD = "download or unpack it again"
MEND = "mend or delete it"


class Split(StrEnum):
    """Split of an image: `test` is never trained on."""

    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedImage:
    """An image file and the faces in it.

    Attributes:
        path: the file.
        width, height: in pixels as stored, whatever a note to turn it when shown says.
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
            raise DataError(f"{self.path}: expected an image that OpenCV can read")
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
    path: Path, size: Size, faces: Sequence[BoxRow], source: str, split: Split
) -> AnnotatedImage:
    boxes = np.array([box for box, _ in faces], dtype=np.float32).reshape(-1, 4)
    ignored = np.array([ignored for _, ignored in faces], dtype=np.bool_)
    return AnnotatedImage(path, *size, boxes, ignored, source, split)


Pixels = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
"""Neither infinite nor NaN, which a text can be."""


class _Face(msgspec.Struct, frozen=True):
    """Box of a face as the files give it: left, top, width and height."""

    x: Pixels
    y: Pixels
    w: Pixels
    h: Pixels
    ignore: Literal[0, 1]

    def clip(self, size: Size) -> list[float] | None:
        """Return left, top, right and bottom in the image, exact in float32; None if outside.

        Annotators follow a face beyond the edge that cuts it; a detector cannot.
        """
        edges = [self.x, self.y, self.x + self.w, self.y + self.h]
        inside = np.clip(edges, 0.0, [*size, *size]).astype(np.float32)
        return inside.tolist() if (inside[2:] > inside[:2]).all() else None


class _ImageRow(msgspec.Struct, frozen=True):
    """Fields of a csv row that describe its image."""

    file: str
    width: Annotated[int, msgspec.Meta(ge=1)]
    height: Annotated[int, msgspec.Meta(ge=1)]
    source: str
    split: Split

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.source} {self.split}"


class _WiderFace(_Face, frozen=True):
    """Those of the ten numbers of WIDER FACE's lines that are read."""

    ignore: Literal[0, 1] = msgspec.field(name="invalid")


Row = TypeVar("Row", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file, counted from 1, and its text without the blanks around it."""

    path: Path
    number: int
    text: str = ""

    def error(self, text: str) -> DataError:
        """Return an error that names file and line."""
        return DataError(f"{self.path}: line {self.number}: {text}")

    def parse(self, texts: dict[str, str], kind: type[Row]) -> Row:
        """Return the fields of this line as what they are."""
        try:
            return msgspec.convert(texts, kind, strict=False)
        except msgspec.ValidationError as error:
            problem = format_validation_error(str(error), texts, kind)
            raise self.error(f"{problem}; {MEND}") from error

    def image(self, name: str, folder: Path) -> Path:
        """Return the image called `name` in a folder, and not outside of it."""
        # The anchor is what an absolute path begins with, a drive's letter too.
        if Path(name).anchor or ".." in Path(name).parts:
            raise self.error(f"expected an image in the set's folder, found {name!r}; {MEND}")
        try:
            known = (folder / name).is_file()
        except OSError:  # a name too long, or a folder that may not be entered
            known = False
        if not known:
            raise self.error(f"expected the image {name!r} in {folder}, found none; put it there")
        return folder / name

    def clip(self, box: _Face, size: Size) -> list[float]:
        """Return the part of a box that is in the image."""
        inside = box.clip(size)
        if inside is None:
            found = f"{box.w:g}x{box.h:g} at ({box.x:g}, {box.y:g})"
            expected = f"a box in the image of {size[0]}x{size[1]}"
            raise self.error(f"expected {expected}, found {found}; {MEND}")
        return inside


def read_annotations_csv(path: Path) -> tuple[AnnotatedImage, ...]:
    """Read annotations.csv, named itself or by its folder, and negatives.csv where it lies beside.

    Raises:
        DataError: a file is malformed; the text names file and line.
    """
    table = path / ANNOTATIONS if path.is_dir() else path
    images: dict[Path, tuple[_Line, _ImageRow, list[BoxRow]]] = {}
    for line, texts in _csv_lines(table):
        row = line.parse(texts, _ImageRow)
        image = line.image(row.file, table.parent)
        earlier, known, faces = images.setdefault(image, (line, row, []))
        if str(row) != str(known):
            expected = f"{known} as in line {earlier.number}"
            raise line.error(f"expected {expected}, found {row}; {MEND}")
        if line.path == table:
            face = line.parse(texts, _Face)
            faces.append((line.clip(face, (row.width, row.height)), face.ignore == 1))
        elif faces:
            raise line.error(
                f"expected an image without faces, found a box in line {earlier.number} of "
                f"{earlier.path.name}; delete one of them"
            )
    return tuple(
        _annotated(image, (row.width, row.height), faces, row.source, row.split)
        for image, (_, row, faces) in images.items()
    )


def _csv_lines(table: Path) -> Iterator[tuple[_Line, dict[str, str]]]:
    """Yield the rows of annotations.csv, and of negatives.csv where it lies beside."""
    fields = _ImageRow.__struct_fields__
    yield from _csv_file(table, (*fields, *_Face.__struct_fields__))
    if (table.parent / NEGATIVES).exists():
        yield from _csv_file(table.parent / NEGATIVES, fields)


def _csv_file(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[_Line, dict[str, str]]]:
    for row in read_csv(path, columns):
        line = _Line(path, row.line)
        # csv gathers what is beyond the header's columns in a list.
        if not all(isinstance(text, str) for text in row.texts.values()):
            raise line.error(f"expected as many fields as the header has, found more; {MEND}")
        yield line, {name: text.strip() for name, text in row.texts.items()}


WIDER_PARTS = {
    "wider_face_train_bbx_gt.txt": ("WIDER_train", "widerface_train", Split.TRAIN),
    "wider_face_val_bbx_gt.txt": ("WIDER_val", "widerface_val", Split.TEST),
}
"""The two published parts that bring boxes: folder of the images, source and split of each.

The val part is what others are compared on, so it is never trained on."""


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
    folder, source, split = WIDER_PARTS[file.name]
    seen: dict[str, int] = {}
    lines = _read_lines(file)
    for name in lines:
        if not is_image(Path(name.text).name):
            found = f"{name.text!r}; the count above may be too small"
            raise name.error(f"expected the name of an image, found {found}")
        first = seen.setdefault(name.text, name.number)
        if first != name.number:
            raise name.error(f"expected each image once, found {name.text!r} in line {first} too")
        rows = _wider_rows(name, lines)
        path = name.image(name.text, file.parent.parent / folder / "images")
        size = read_size(path)
        faces = [face for row in rows if (face := _wider_face(row, size)) is not None]
        yield _annotated(path, size, faces, source, split)
    if not seen:
        raise DataError(f"{file}: expected names of images, found an empty file; {DOWNLOAD}")


def _read_lines(path: Path) -> Iterator[_Line]:
    """Yield the lines of a text file up to the last that is not blank."""
    try:
        # What is no UTF-8 is then no name of an image, and no number.
        text = path.read_text(encoding="utf-8-sig", errors="backslashreplace").rstrip()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(text.splitlines(), start=1):
        yield _Line(path, number, line.strip())


def _wider_rows(name: _Line, lines: Iterator[_Line]) -> list[_Line]:
    """Return the lines of the boxes of the image that the line `name` names."""
    counted = next(lines, None)
    if counted is None:
        raise name.error(f"expected the count of boxes behind this line, found the end; {DOWNLOAD}")
    if not counted.text.isdecimal():
        raise counted.error(f"expected a whole number as count of boxes, found {counted.text!r}")
    # An image without faces still has one line, of zeros.
    count = max(int(counted.text), 1)
    rows = list(islice(lines, count))
    if len(rows) < count:
        raise counted.error(f"expected {count} lines of boxes, found {len(rows)}; {DOWNLOAD}")
    if int(counted.text) == 0 and set(rows[0].text.split()) != {"0"}:
        raise rows[0].error(f"expected a line of zeros under the count 0, found {rows[0].text!r}")
    return rows


def _wider_face(line: _Line, size: Size) -> BoxRow | None:
    """Return the face of a line; None where the box has no area, or is invalid and outside."""
    fields = line.text.split()
    if len(fields) != 10:
        found = f"{len(fields)} in {line.text!r}"
        raise line.error(
            f"expected 10 numbers ({WIDER_FIELDS}), found {found}; is the count too large?"
        )
    row = line.parse(dict(zip(WIDER_FIELDS.split(), fields, strict=True)), _WiderFace)
    if 0.0 in (row.w, row.h) or (row.ignore and row.clip(size) is None):
        return None
    return line.clip(row, size), row.ignore == 1


def read_size(path: Path) -> Size:
    """Return width and height of the image in a file, without decoding it.

    Raises:
        DataError: it cannot be read, or is no image.
    """
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            return image.size
    except Exception as error:  # of a damaged file; Pillow promises nothing narrower
        raise DataError(
            f"{path}: expected an image that Pillow can read ({error}); take it out"
        ) from error
