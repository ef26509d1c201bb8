"""The images that the preview process reads from its pipe."""

import io
from typing import IO

from edge.view.preview import FRAME_HEADER
from edge.view.preview_process import read_exactly


class Trickle(io.RawIOBase):
    """A pipe that gives three bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._file: IO[bytes] = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(3, size))


def test_what_comes_in_pieces_is_put_together() -> None:
    pipe = Trickle(bytes(range(10)))
    assert read_exactly(pipe, 8) == bytes(range(8))  # type: ignore[arg-type]


def test_what_ends_too_early_is_nothing() -> None:
    assert read_exactly(io.BytesIO(b"abc"), 4) is None
    assert read_exactly(io.BytesIO(b""), 4) is None


def test_a_header_is_width_and_height_in_two_bytes_each_the_lower_first() -> None:
    assert FRAME_HEADER.pack(1920, 1080) == b"\x80\x07\x38\x04"
    assert FRAME_HEADER.unpack(b"\x80\x07\x38\x04") == (1920, 1080)
