"""JPEGs of a camera: split from a stream of bytes, and decoded."""

import re

import cv2
import numpy as np

from edge.capture.source import as_readonly, check_size
from edge.errors import InputError
from edge.types import Image

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
"""Between the tables of a JPEG and its end, an FF is followed by 00 or a restart marker (ITU-T
T.81, B.1.1.5), so neither occurs inside one that carries no other, such as a thumbnail."""

JPEG_SIZE = re.compile(rb"\xff[\xc0-\xc2]\x00.\x08(..)(..)", re.DOTALL)
"""Frame header of a JPEG (ITU-T T.81, B.2.2): height and width, two bytes each."""

MAX_JPEG_BYTES = 1 << 24  # more than the largest image of a config takes at the best quality


class MjpegParser:
    """Splits a stream into JPEGs and keeps the newest; what is cut short is skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> bytes | None:
        """Add the next bytes of the stream; return the last JPEG that they complete, if any."""
        searched = max(0, len(self._buffer) - 1)
        self._buffer += data
        end = self._buffer.rfind(JPEG_END, searched)
        if end < 0:
            if len(self._buffer) > MAX_JPEG_BYTES:
                self._buffer.clear()
            return None
        start = self._buffer.rfind(JPEG_START, 0, end)
        jpeg = bytes(self._buffer[start : end + len(JPEG_END)]) if start >= 0 else None
        del self._buffer[: end + len(JPEG_END)]
        return jpeg


def decode_jpeg(data: bytes) -> Image:
    """Return the image of a JPEG, BGR uint8 (height, width, 3), read-only.

    OpenCV decodes it in half of Pillow's time, but may give what is left of one that is cut short:
    that, and what is no JPEG, too large or damaged, is an InputError.
    """
    size = JPEG_SIZE.search(data) if data.startswith(JPEG_START) else None
    if not size:
        raise InputError(f"expected a JPEG, found {len(data)} bytes that are none")
    check_size(int.from_bytes(size[2]), int.from_bytes(size[1]))
    if data.rfind(JPEG_END) < size.end():  # a camera may fill up its buffer behind the end
        raise InputError("expected a whole JPEG, found one that is cut short")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise InputError("expected a JPEG that can be decoded, found a damaged one")
    return as_readonly(image)
