"""Our own form: annotations.csv, one row a box, and negatives.csv, pictures without a face."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from converter.data.csv_files import CsvRow, read_csv
from converter.detection.annotations.boxes import FaceBox, in_picture, photograph
from converter.detection.annotations.place import MEND, Place
from converter.detection.annotations.size import Size
from converter.detection.photographs import Photograph, Split
from edge.geometry import Box

ANNOTATIONS = "annotations.csv"
NEGATIVES = "negatives.csv"

PICTURE_COLUMNS = ("file", "width", "height", "source", "split")
BOX_COLUMNS = ("x", "y", "w", "h", "ignore")


@dataclass(frozen=True, slots=True)
class Picture:
    """What every row says of its picture."""

    path: Path
    size: Size
    source: str
    split: Split


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture, the row that names it first, and the faces of all rows that name it."""

    picture: Picture
    place: Place
    faces: list[FaceBox] = field(default_factory=list)


def load_table(path: Path) -> tuple[Photograph, ...]:
    """Read annotations.csv, named itself or by its folder, and negatives.csv where it lies beside.

    Raises:
        DataError: a file is malformed; the text names file and line.
    """
    table = path / ANNOTATIONS if path.is_dir() else path
    entries: dict[Path, Entry] = {}
    for place, texts in _rows(table, (*PICTURE_COLUMNS, *BOX_COLUMNS)):
        entry = _entry(entries, place, texts)
        entry.faces.append(_face(place, texts, entry.picture.size))
    if (table.parent / NEGATIVES).exists():
        for place, texts in _rows(table.parent / NEGATIVES, PICTURE_COLUMNS):
            _check_faceless(_entry(entries, place, texts), place)
    return tuple(
        photograph(entry.picture.path, entry.picture.size, entry.faces,
                   entry.picture.source, entry.picture.split)
        for entry in entries.values()
    )  # fmt: skip


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[Place, dict[str, str]]]:
    for record in read_csv(path, columns):
        place = Place(path, record.line)
        _check_length(place, record)
        yield place, record.texts


def _check_length(place: Place, record: CsvRow) -> None:
    # csv gathers what is beyond the header's columns in a list.
    if not all(isinstance(text, str) for text in record.texts.values()):
        raise place.error(f"expected as many fields as the header has, found more; {MEND}")


def _entry(entries: dict[Path, Entry], place: Place, texts: dict[str, str]) -> Entry:
    """Return the entry of the row's picture, a new one where it is named for the first time."""
    picture = _picture(place, texts)
    entry = entries.setdefault(picture.path, Entry(picture, place))
    if entry.picture != picture:
        first, here = _told(entry.picture), _told(picture)
        raise place.error(f"expected {first} as in line {entry.place.line}, found {here}; {MEND}")
    return entry


def _picture(place: Place, texts: dict[str, str]) -> Picture:
    return Picture(
        place.picture(texts["file"], place.path.parent),
        Size(place.whole(texts["width"], "width", 1), place.whole(texts["height"], "height", 1)),
        texts["source"],
        _split(place, texts["split"]),
    )


def _split(place: Place, text: str) -> Split:
    try:
        return Split(text)
    except ValueError as error:
        known = " or ".join(Split)
        raise place.error(f"expected {known} as split, found {text!r}; {MEND}") from error


def _told(picture: Picture) -> str:
    return f"{picture.size} {picture.source} {picture.split}"


def _face(place: Place, texts: dict[str, str], size: Size) -> FaceBox:
    left, top, width, height = (place.number(texts[name], name) for name in "xywh")
    box = in_picture(Box(left, top, left + width, top + height), size, place)
    return FaceBox(box, place.flag(texts["ignore"], "ignore"))


def _check_faceless(entry: Entry, place: Place) -> None:
    if entry.faces:
        found = f"a box in line {entry.place.line} of {entry.place.path.name}"
        raise place.error(f"expected a picture without faces, found {found}; delete one of them")
