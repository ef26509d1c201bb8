"""Annotated images: files with the boxes of the faces in them.

annotations.csv has a row a box, and beside it negatives.csv one an image without a face. WIDER FACE
has its own text files (Yang et al. 2016, doi:10.1109/CVPR.2016.596).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data.csv_files import CsvRow, read_csv
from converter.data.images import is_image
from edge.config_errors import format_validation_error
from edge.errors import DataError
from edge.types import Image

Boxes = NDArray[np.float32]  # left, top, right, bottom in pixels of the image, float32 (n, 4)
Size = tuple[int, int]  # width and height in pixels
Split = Literal["train", "test"]  # of an image; "test" is never trained on
BoxRow = list[float]  # left, top, right and bottom of a face, and 1 where it is ignored

ANNOTATIONS = "annotations.csv"
NEGATIVES = "negatives.csv"
WIDER_FIELDS = "x y w h blur expression illumination ignore occlusion pose"  # ignore: invalid

WIDER_PARTS: dict[str, tuple[str, str, Split]] = {
    "wider_face_train_bbx_gt.txt": ("WIDER_train", "widerface_train", "train"),
    "wider_face_val_bbx_gt.txt": ("WIDER_val", "widerface_val", "test"),
}
"""Folder of the images, source and split of the published parts; others are compared on val."""

Pixels = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]  # neither infinite nor NaN
Parsed = TypeVar("Parsed", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedImage:
    """An image file of a set, as stored (not turned by EXIF), and the faces in it."""

    path: Path
    width: int
    height: int
    boxes: Boxes
    ignored: NDArray[np.bool_]  # (n,), boxes neither of face nor background: too small or unclear
    source: str
    split: Split

    def read(self) -> Image:
        """Return the image, BGR uint8, a DataError if it is none of the annotated size."""
        image = cv2.imread(str(self.path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is None:
            raise DataError(f"{self.path}: expected an image that OpenCV can read")
        if image.shape[:2] != (self.height, self.width):
            wanted, found = f"{self.width}x{self.height}", f"{image.shape[1]}x{image.shape[0]}"
            raise DataError(f"{self.path}: expected {wanted} as annotated, found {found}")
        return np.asarray(image, dtype=np.uint8)


def of_split(images: Iterable[AnnotatedImage], split: Split) -> tuple[AnnotatedImage, ...]:
    """Return those of one split."""
    return tuple(one for one in images if one.split == split)


def read_annotations(path: Path) -> tuple[AnnotatedImage, ...]:
    """Read the annotated images at `path`, file or folder; a DataError names the malformed row."""
    if not path.exists():
        raise DataError(f"{path}: cannot be read: there is no such file or folder")
    if path.suffix.lower() == ".csv" or (path / ANNOTATIONS).is_file():
        return tuple(_csv_images(path / ANNOTATIONS if path.is_dir() else path))
    here = path.resolve()
    places = [one / name for one in (here, here / "wider_face_split") for name in WIDER_PARTS]
    files = [file for file in ([here] if here.name in WIDER_PARTS else places) if file.is_file()]
    if not files:
        raise DataError(f"{path}: expected {ANNOTATIONS} or files of WIDER FACE, found neither")
    return tuple(chain.from_iterable(map(_wider_images, files)))


class _Face(msgspec.Struct, frozen=True):
    """Box of a face as the files give it: left, top, width and height."""

    x: Pixels
    y: Pixels
    w: Pixels
    h: Pixels
    ignore: Literal[0, 1]

    def clip(self, size: Size) -> list[float] | None:
        """Return left, top, right and bottom in the image, exact in float32; None if outside."""
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


def _parse(row: CsvRow, kind: type[Parsed]) -> Parsed:
    # csv gathers what is beyond the header's columns under no name.
    texts = {name: text.strip() for name, text in row.texts.items() if name}
    try:
        return msgspec.convert(texts, kind, strict=False)
    except msgspec.ValidationError as error:
        problem = format_validation_error(str(error), texts, kind)
        raise row.error(f"{problem}; mend or delete it") from error


def _image_file(row: CsvRow, folder: Path, name: str) -> Path:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise row.error(f"expected a path below {folder}, found {name!r}; mend or delete it")
    if not (folder / name).is_file():
        raise row.error(f"expected the image {name!r} in {folder}, found none; put it there")
    return folder / name


def _box_row(row: CsvRow, face: _Face, size: Size) -> BoxRow:
    box = face.clip(size)
    if box is None:
        found = f"{face.w:g}x{face.h:g} at ({face.x:g}, {face.y:g}); mend or delete it"
        raise row.error(f"expected a box in the image of {size[0]}x{size[1]}, found {found}")
    return [*box, face.ignore]


def _annotated(
    path: Path, size: Size, faces: Sequence[BoxRow], source: str, split: Split
) -> AnnotatedImage:
    rows = np.array(faces, dtype=np.float32).reshape(-1, 5)
    return AnnotatedImage(path, *size, rows[:, :4], rows[:, 4] > 0, source, split)


def _csv_images(table: Path) -> Iterator[AnnotatedImage]:
    """Yield the images of annotations.csv, and of negatives.csv where it lies beside."""
    of_image, of_face = _ImageRow.__struct_fields__, _Face.__struct_fields__
    rows = [*read_csv(table, (*of_image, *of_face))]
    negatives = table.parent / NEGATIVES
    if negatives.exists():
        rows += read_csv(negatives, of_image)
    images: dict[Path, tuple[_ImageRow, list[BoxRow]]] = {}
    for row in rows:
        here = _parse(row, _ImageRow)
        known, faces = images.setdefault(_image_file(row, table.parent, here.file), (here, []))
        if str(here) != str(known):
            expected = f"{known} as in an earlier row of it"
            raise row.error(f"expected {expected}, found {here}; mend or delete it")
        if row.path == table:
            faces.append(_box_row(row, _parse(row, _Face), (here.width, here.height)))
        elif faces:
            found = f"a box in {table.name}"
            raise row.error(f"expected an image without faces, found {found}; delete one of them")
    for path, (one, faces) in images.items():
        yield _annotated(path, (one.width, one.height), faces, one.source, one.split)


def _wider_images(file: Path) -> Iterator[AnnotatedImage]:
    """Yield the images: each is a row with its name, one with a count, and a row for every box."""
    folder, source, split = WIDER_PARTS[file.name]
    # What is no UTF-8 is then no name of an image, and no number.
    text = file.read_text(encoding="utf-8-sig", errors="backslashreplace").rstrip()
    lines = enumerate(map(str.strip, text.splitlines()), start=1)
    for number, name in lines:
        row = CsvRow(file, number, {})
        if not is_image(Path(name).name):
            raise row.error(f"expected the name of an image, found {name!r}; is the count right?")
        path = _image_file(row, file.parent.parent / folder / "images", name)
        size = read_size(path)
        _, count = next(lines, (0, ""))
        if not count.isdecimal():
            raise row.error(f"expected the count of its boxes in the next row, found {count!r}")
        # An image without faces still has one row, of zeros.
        rows = [
            CsvRow(file, at, dict(zip(WIDER_FIELDS.split(), line.split(), strict=False)))
            for at, line in islice(lines, max(int(count), 1))
        ]
        if len(rows) < int(count):
            raise row.error(f"expected {count} boxes, found {len(rows)}; download it again")
        faces = []
        for box in rows[: int(count)]:
            face = _parse(box, _Face)
            # The published files have boxes of no width or height, and invalid ones outside.
            if 0 not in (face.w, face.h) and not (face.ignore and face.clip(size) is None):
                faces.append(_box_row(box, face, size))
        yield _annotated(path, size, faces, source, split)


def read_size(path: Path) -> Size:
    """Return width and height of an image without decoding it; a DataError if there is none."""
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            return image.size
    except Exception as error:  # of a damaged file; Pillow promises nothing narrower
        wanted = f"expected an image that Pillow can read ({error})"
        raise DataError(f"{path}: {wanted}; take it out") from error
