"""WIDER FACE (Yang et al. 2016, doi:10.1109/CVPR.2016.596) in its own text files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from converter.data.image_folders import is_image
from converter.detection.annotations.boxes import FaceBox, clip, in_picture, photograph
from converter.detection.annotations.place import WHOLE, Line, read_lines
from converter.detection.annotations.size import Size, read_size
from converter.detection.photographs import Photograph, Split
from edge.errors import DataError
from edge.geometry import Box

FIELDS = "x y w h blur expression illumination invalid occlusion pose"


@dataclass(frozen=True, slots=True)
class Part:
    """One of the two published parts that bring boxes.

    Attributes:
        folder: of its pictures, beside the folder of the text files.
        source: what it is called in `Photograph.source`.
        split: the val part is what others are compared on, so it is never trained on.
    """

    folder: str
    source: str
    split: Split


PARTS = {
    "wider_face_train_bbx_gt.txt": Part("WIDER_train", "widerface_train", Split.TRAIN),
    "wider_face_val_bbx_gt.txt": Part("WIDER_val", "widerface_val", Split.TEST),
}


def annotation_files(path: Path) -> list[Path]:
    """Return the text files at `path`: itself, those in it, or in its wider_face_split."""
    if path.name in PARTS:
        return [path]
    folders = (path, path / "wider_face_split")
    return [folder / name for folder in folders for name in PARTS if (folder / name).is_file()]


def load_wider(path: Path) -> tuple[Photograph, ...]:
    """Read a text file, or those of a folder; the pictures lie in WIDER_train and WIDER_val.

    Invalid boxes are ignored. Those of no width or height, which the published files have, are
    left out.

    Raises:
        DataError: a file is malformed; the text names file and line.
    """
    return tuple(one for file in annotation_files(path.resolve()) for one in _photographs(file))


def _photographs(file: Path) -> Iterator[Photograph]:
    part = PARTS[file.name]
    folder = file.parent.parent / part.folder / "images"
    for name, rows in _blocks(file):
        path = name.picture(name.text, folder)
        size = read_size(path)
        faces = [face for row in rows if (face := _face(row, size)) is not None]
        yield photograph(path, size, faces, part.source, part.split)


def _blocks(file: Path) -> Iterator[tuple[Line, list[Line]]]:
    """Yield the line that names a picture, and the lines of its boxes."""
    lines = read_lines(file)
    if not lines:
        raise DataError(f"{file}: expected names of pictures, found an empty file; {WHOLE}")
    seen: dict[str, int] = {}
    start = 0
    while start < len(lines):
        name = lines[start]
        _check_name(name, seen)
        rows = _rows(lines, start)
        yield name, rows
        start += 2 + len(rows)


def _check_name(name: Line, seen: dict[str, int]) -> None:
    if not is_image(Path(name.text).name):
        raise name.error(
            f"expected the name of a picture, found {name.text!r}; the count above may be too small"
        )
    first = seen.setdefault(name.text, name.line)
    if first != name.line:
        raise name.error(f"expected each picture once, found {name.text!r} in line {first} too")


def _rows(lines: list[Line], start: int) -> list[Line]:
    """Return the lines of the boxes whose picture is named in line `start`."""
    last = lines[-1]
    if start + 1 == len(lines):
        raise last.error(f"expected the count of boxes behind this line, found the end; {WHOLE}")
    count = lines[start + 1].whole(lines[start + 1].text, "count of boxes")
    # A picture without faces still has one line, of zeros.
    rows = lines[start + 2 : start + 2 + max(count, 1)]
    if len(rows) < max(count, 1):
        expected = f"{max(count, 1)} lines of boxes behind line {lines[start + 1].line}"
        raise last.error(f"expected {expected}, found {len(rows)}; {WHOLE}")
    if count == 0 and set(rows[0].text.split()) != {"0"}:
        raise rows[0].error(f"expected a line of zeros under the count 0, found {rows[0].text!r}")
    return rows


def _face(row: Line, size: Size) -> FaceBox | None:
    """Return the face of a line; None where the box has no area, or is invalid and outside."""
    fields = row.text.split()
    if len(fields) != 10:
        found = f"{len(fields)} in {row.text!r}"
        raise row.error(f"expected 10 numbers ({FIELDS}), found {found}; is the count too large?")
    left, top, width, height = (
        row.number(text, name) for text, name in zip(fields, "xywh", strict=False)
    )
    box, invalid = Box(left, top, left + width, top + height), row.flag(fields[7], "invalid")
    if 0 in (width, height) or (invalid and clip(box, size) is None):
        return None
    return FaceBox(in_picture(box, size, row), invalid)
