"""JPEG pictures that come one behind another, with nothing between them."""

import re

import cv2
import numpy as np

from edge.types import Image

START, END = b"\xff\xd8\xff", b"\xff\xd9"
"""Between the tables of a picture and its end, an FF is followed by 00 or a restart marker (ITU-T
T.81, B.1.1.5), so neither stands inside a picture that carries no other, such as a thumbnail."""

SIZE = re.compile(rb"\xff[\xc0-\xc2]\x00.\x08(..)(..)", re.DOTALL)
"""The head of a frame (ITU-T T.81, B.2.2): height and width, two bytes each."""

LONGEST = 1 << 24
"""Bytes; a picture of the largest size at the best quality takes less."""

MOST_PIXELS = 7680 * 4320


class MjpegParser:
    """Cuts a stream into pictures and keeps the newest; what is cut short is passed over."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes of the stream; return the last picture that they complete, if any."""
        seen = max(0, len(self._rest) - 1)
        self._rest += data
        end = self._rest.rfind(END, seen)
        if end < 0:
            if len(self._rest) > LONGEST:
                self._rest.clear()
            return None
        start = self._rest.rfind(START, 0, end)
        picture = bytes(self._rest[start : end + len(END)]) if start >= 0 else None
        del self._rest[: end + len(END)]
        return picture


def decode_jpeg(data: bytes) -> Image | None:
    """Return the picture, BGR uint8 (height, width, 3), or None where it is none or too large."""
    size = SIZE.search(data)
    if not size:
        return None
    height, width = (int.from_bytes(side) for side in size.groups())
    if height * width > MOST_PIXELS:
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, dtype=np.uint8)
