"""Parts of annotation files: lines, numbers, boxes and image sizes; errors name file and line."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import ConfigError, DataError
from edge.geometry import Box

WHOLE = "download or unpack it again"
MEND = "mend or delete it"


@dataclass(frozen=True, slots=True)
class Size:
    """Of an image, in pixels as stored: a note to turn it when shown does not count."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class AnnotatedBox:
    """A face, or with `ignored` what is neither face nor background."""

    box: Box
    ignored: bool


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a file, counted from 1, and its text without the blanks around it."""

    path: Path
    line: int
    text: str = ""

    def error(self, text: str) -> DataError:
        """Return an error that names file and line."""
        return DataError(f"{self.path}: line {self.line}: {text}")

    def number(self, text: str, name: str) -> float:
        """Return a finite number.

        Raises:
            DataError: `text` is none.
        """
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(f"expected a number as {name}, found {text!r}; {MEND}")
        return value

    def whole(self, text: str, name: str, least: int = 0) -> int:
        """Return a whole number of at least `least`.

        Raises:
            DataError: `text` is none.
        """
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise self.error(
                f"expected a whole number from {least} as {name}, found {text!r}; {MEND}"
            )
        return value

    def flag(self, text: str, name: str) -> bool:
        """Tell whether `text` is 1 and not 0.

        Raises:
            DataError: it is neither.
        """
        if text not in ("0", "1"):
            raise self.error(f"expected 0 or 1 as {name}, found {text!r}; {MEND}")
        return text == "1"

    def image(self, name: str, folder: Path) -> Path:
        """Return the image called `name` in a folder.

        Raises:
            DataError: there is none, or `name` leads out of the folder.
        """
        # The anchor is what an absolute path begins with, a drive's letter too.
        if Path(name).anchor or ".." in Path(name).parts:
            raise self.error(f"expected a picture in the set's folder, found {name!r}; {MEND}")
        if not _is_file(folder / name):
            raise self.error(f"expected the picture {name!r} in {folder}, found none; put it there")
        return folder / name

    def box_in_image(self, box: Box, size: Size) -> Box:
        """Return the part of a box that is in the image.

        Raises:
            DataError: the box has no area, or lies wholly outside.
        """
        if box.width <= 0 or box.height <= 0:
            found = f"{box.width:g}x{box.height:g}"
            raise self.error(f"expected a box of a size above 0, found {found}; {MEND}")
        inside = clip(box, size)
        if inside is None:
            found = "({:g}, {:g}) to ({:g}, {:g})".format(*box.edges)
            raise self.error(f"expected a box in the picture of {size}, found {found}; {MEND}")
        return inside


def clip(box: Box, size: Size) -> Box | None:
    """Return the part of a box that is in the image, exact in float32; None where there is none.

    Annotators follow a face beyond the edge that cuts it; a detector cannot.
    """
    limits = (size.width, size.height, size.width, size.height)
    edges = [min(max(edge, 0.0), limit) for edge, limit in zip(box.edges, limits, strict=True)]
    inside = Box(*np.array(edges, dtype=np.float32).tolist())
    return inside if inside.width > 0 and inside.height > 0 else None


def read_lines(path: Path) -> list[SourceLine]:
    """Return the lines of a text file up to the last that is not blank.

    Raises:
        DataError: it cannot be read, or is no UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        # The error counts from behind a byte order mark.
        line = SourceLine(path, error.object.count(b"\n", 0, error.start) + 1)
        found = f"the byte 0x{error.object[error.start]:02x}"
        raise line.error(f"expected text in UTF-8, found {found}; {WHOLE}") from error
    texts = text.rstrip().split("\n")
    lines = [SourceLine(path, number, text.strip()) for number, text in enumerate(texts, start=1)]
    return lines if lines[-1].text else []


def read_size(path: Path) -> Size:
    """Return the size of the image in a file, without decoding it.

    Raises:
        DataError: it cannot be read, or is no image.
        ConfigError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigError(
            f"{path}: reading the size of a picture needs Pillow; pip install 'emotiond[evaluate]'"
        ) from error
    try:
        with Image.open(path) as image:
            return Size(*image.size)
    # Beside UnidentifiedImageError, an OSError without a number, the readers of damaged files
    # raise errors of their own.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from error
        raise DataError(f"{path}: expected a picture that Pillow can read; take it out") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long, or a folder that may not be entered
        return False
