import os
import struct
import zlib
from pathlib import Path

import cv2
import pytest

from edge.capture import EndOfStream
from edge.capture.images import ImagesSettings
from edge.errors import InputError
from edge.types import Image


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


HUGE = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0"))
    + chunk(b"IEND", b"")
)
"""A PNG that claims to be 60,000 pixels wide and high."""


@pytest.fixture
def folder(tmp_path: Path, clip: list[Image]) -> Path:
    """Two images, a text, and an image that is none between them."""
    cv2.imwrite(str(tmp_path / "a.png"), clip[0])
    (tmp_path / "b.jpg").write_text("not a picture")
    cv2.imwrite(str(tmp_path / "c.JPG"), clip[1])
    (tmp_path / "notes.txt").write_text("ignored")
    return tmp_path


def test_a_folder_gives_its_images_in_order_each_standing_alone(folder: Path) -> None:
    (folder / "b.jpg").unlink()
    images = ImagesSettings(folder).open()
    frames = [frame for _ in range(2) if (frame := images.read())]
    assert [frame.index for frame in frames] == [0, 1]
    assert all(frame.still for frame in frames)
    assert frames[0].size == (640, 480)
    with pytest.raises(EndOfStream):
        images.read()


def test_a_broken_image_is_named_and_the_others_still_come(folder: Path) -> None:
    images = ImagesSettings(folder).open()
    images.read()
    with pytest.raises(InputError, match=r"b.jpg: is not an image"):
        images.read()
    last = images.read()
    assert last is not None
    assert last.index == 2


def test_one_image_is_a_source_of_one_frame(folder: Path) -> None:
    images = ImagesSettings(folder / "a.png").open()
    images.read()
    with pytest.raises(EndOfStream):
        images.read()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.png", "gone.png: cannot be read"),
        ("empty", "expected images in this folder"),
        ("pipe.png", "pipe.png: is not a file"),
        ("n" * 300, "cannot be read: File name too long"),
        ("huge.png", "huge.png: expected at most 50000000 pixels, found"),
    ],
)
def test_a_missing_file_or_an_empty_folder_is_an_error_and_then_the_end(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "huge.png").write_bytes(HUGE)
    images = ImagesSettings(tmp_path / name).open()
    with pytest.raises(InputError, match=message):
        images.read()
    with pytest.raises(EndOfStream):
        images.read()
