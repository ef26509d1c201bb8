"""Lines of files that hold annotations: what stands there, and errors that name them."""

import math
from dataclasses import dataclass
from pathlib import Path

from edge.errors import DataError

WHOLE = "download or unpack it again"
MEND = "mend or delete it"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, counted from 1."""

    path: Path
    line: int

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

    def picture(self, name: str, *folders: Path) -> Path:
        """Return the picture called `name` in the first of the folders that holds it.

        Raises:
            DataError: none does, or `name` leads out of them.
        """
        # The anchor is what an absolute path begins with, a drive's letter too.
        if Path(name).anchor or ".." in Path(name).parts:
            raise self.error(f"expected a picture in the set's folder, found {name!r}; {MEND}")
        for folder in folders:
            if _is_file(folder / name):
                return folder / name
        looked = " or ".join(map(str, folders))
        raise self.error(f"expected the picture {name!r} in {looked}, found none; put it there")


@dataclass(frozen=True, slots=True)
class Line(Place):
    """A line with its text, without the blanks around it."""

    text: str


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a text file up to the last that is not blank.

    Raises:
        DataError: it cannot be read, or is no UTF-8.
    """
    texts = _text(path).rstrip().split("\n")
    lines = [Line(path, number, text.strip()) for number, text in enumerate(texts, start=1)]
    return lines if lines[-1].text else []


def read_bytes(path: Path) -> bytes:
    """Return what is in a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _text(path: Path) -> str:
    data = read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The error counts from behind a byte order mark.
        place = Place(path, error.object.count(b"\n", 0, error.start) + 1)
        found = f"the byte 0x{error.object[error.start]:02x}"
        raise place.error(f"expected text in UTF-8, found {found}; {WHOLE}") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long, or a folder that may not be entered
        return False
