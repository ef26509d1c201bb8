"""Sizes of pictures: from the header of a JPEG or PNG, else by decoding the file.

A set has thousands of pictures, and a header takes a hundredth of the time that decoding takes.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2

from edge.errors import DataError

JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers SOF0 to SOF15 (ISO/IEC 10918-1, table B.1); the three between are other segments."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a picture, in pixels as stored: a note to turn it when shown does not count."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def read_size(path: Path) -> Size:
    """Return the size of the picture in a file.

    Raises:
        DataError: it cannot be read, or is no picture.
    """
    try:
        with path.open("rb") as file:
            size = _png_size(file) or _jpeg_size(file)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return size or _decoded_size(path)


def _png_size(file: BinaryIO) -> Size | None:
    file.seek(0)
    head = file.read(24)
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n") or head[12:16] != b"IHDR":
        return None
    return _size(*struct.unpack(">II", head[16:]))


def _jpeg_size(file: BinaryIO) -> Size | None:
    """Walk from segment to segment to the frame's header (ISO/IEC 10918-1, B.2.2)."""
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        return None
    while len(head := file.read(4)) == 4:
        prefix, marker, length = struct.unpack(">BBH", head)
        if prefix != 0xFF or length < 2:
            return None
        if marker in JPEG_FRAMES:
            body = file.read(5)
            height, width = struct.unpack(">xHH", body) if len(body) == 5 else (0, 0)
            return _size(width, height)
        file.seek(length - 2, 1)
    return None


def _size(width: int, height: int) -> Size | None:
    # A JPEG may tell its height only behind its first scan: then its header says 0.
    return Size(width, height) if width and height else None


def _decoded_size(path: Path) -> Size:
    try:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise DataError(f"{path}: cannot be decoded: {error.err}") from error
    if image is None:
        raise DataError(f"{path}: expected a picture that OpenCV can read; take it out")
    height, width = image.shape[:2]
    return Size(width, height)
