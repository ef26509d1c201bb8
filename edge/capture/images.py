"""Images source: image files, each of which stands alone."""

import time
from collections.abc import Generator
from pathlib import Path

import cv2
import numpy as np

from edge.capture.source import FileSettings, FileSource, as_readonly
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


class ImagesSource(FileSource):
    """Images, one frame each, one second apart on their own clock."""

    def __init__(self, settings: ImagesSettings) -> None:
        super().__init__(_frames(settings.path))


def _frames(root: Path) -> Generator[Frame | InputError, None, None]:
    """Yield each image, or why it cannot be read."""
    try:
        paths = [root]
        if root.is_dir():
            paths = sorted(path for path in root.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise InputError(f"{root}: cannot be read: {error.strerror}") from error
    if not paths:
        raise InputError(f"{root}: expected pictures in this folder, found none")
    for index, path in enumerate(paths):
        try:
            image = as_readonly(read_image(path))
            yield Frame(image, index, float(index), captured=time.monotonic(), still=True)
        except InputError as error:
            yield error


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
