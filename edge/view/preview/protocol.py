"""What goes to the program and comes from it.

To its stdin: pictures, each a head and its pixels. From its stdout: a line a key, by its name.
"""

import struct
from typing import BinaryIO

HEAD = struct.Struct("<HH")
"""Width and height; behind it come height x width x 3 bytes, blue, green, red."""

NO_DISPLAY = 3
"""What the program ends with where there is nothing to show pictures on."""


def read_exactly(file: BinaryIO, count: int) -> bytes | None:
    """Return `count` bytes; None where the file ends before."""
    parts = bytearray()
    while len(parts) < count:
        part = file.read(count - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
