"""Images source: image files, each of which stands alone."""

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.capture.source import EndOfStream, FileSettings, as_readonly
from edge.errors import InputError
from edge.types import Frame, Image

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".gif"}
)
"""Suffixes of the images in a folder; a file named by itself is read whatever its name."""


class ImagesSettings(FileSettings, frozen=True, tag="images"):
    """One image, or every image in a folder in the order of names."""

    def open(self) -> "ImagesSource":
        """Return the source; files are opened as they are read."""
        return ImagesSource(self)


class ImagesSource:
    """Images, one frame each, one second apart on their own clock, then EndOfStream."""

    online = True

    def __init__(self, settings: ImagesSettings) -> None:
        self._root = settings.path
        self._paths: Iterator[tuple[int, Path]] | None = None

    def read(self) -> Frame:
        """Return the next image.

        Raises:
            InputError: the file is no image, or the folder is missing or holds none.
            EndOfStream: there are no more.
        """
        if self._paths is None:
            self._paths = enumerate(())  # so that a folder that cannot be listed is an end
            self._paths = enumerate(self._list())
        for index, path in self._paths:
            image = as_readonly(read_image(path))
            return Frame(image, index, float(index), captured=time.monotonic(), still=True)
        raise EndOfStream

    def close(self) -> None:
        """Do nothing: no file stays open between images."""

    def _list(self) -> list[Path]:
        try:
            if not self._root.is_dir():
                return [self._root]
            paths = sorted(path for path in self._root.iterdir() if path.suffix.lower() in SUFFIXES)
        except OSError as error:
            raise InputError(f"{self._root}: cannot be read: {error.strerror}") from error
        if not paths:
            raise InputError(f"{self._root}: expected pictures in this folder, found none")
        return paths


def read_image(path: Path) -> Image:
    """Return the image in a file, as `decode_image`."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is not a file")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return decode_image(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def decode_image(data: bytes) -> Image:
    """Return the image in the bytes of a file, BGR uint8 (height, width, 3).

    It is rotated as its EXIF data say; of an animation it is the first frame.

    Raises:
        InputError: they hold none.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as error:
        raise InputError(f"cannot be decoded: {error.err}") from error
    if image is None:
        raise InputError("is not a picture that can be read")
    return np.asarray(image, dtype=np.uint8)
