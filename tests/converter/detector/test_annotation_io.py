import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.detector.annotations import read_size
from edge.errors import DataError
from tests.converter.detector.image_files import draw

TURNED = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
"""A segment that says: turn the picture by 90 degrees when it is shown."""


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tiff", "webp", "ppm"])
def test_the_size_of_an_image_is_that_of_its_pixels(tmp_path: Path, suffix: str) -> None:
    draw(tmp_path, f"a.{suffix}", width=321, height=123)
    assert read_size(tmp_path / f"a.{suffix}") == (321, 123)


def test_a_progressive_jpeg_tells_its_size_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.zeros((12, 34), dtype=np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert read_size(path) == (34, 12)


def test_a_picture_to_be_turned_has_the_size_it_is_stored_with(tmp_path: Path) -> None:
    path = draw(tmp_path, "a.jpg") / "a.jpg"
    data = path.read_bytes()
    path.write_bytes(data[:2] + TURNED + data[2:])
    shown = cv2.imread(str(path))
    assert shown is not None
    assert shown.shape[:2] == (100, 80)
    assert read_size(path) == (100, 80)


def test_code_tables_before_the_header_are_passed_over(tmp_path: Path) -> None:
    path = draw(tmp_path, "a.jpg") / "a.jpg"
    data = path.read_bytes()
    tables = data.index(b"\xff\xc4")
    length = int.from_bytes(data[tables + 2 : tables + 4])
    path.write_bytes(data[:2] + data[tables : tables + 2 + length] + data[2:])
    assert read_size(path) == (100, 80)


def test_fill_bytes_before_the_header_are_passed_over(tmp_path: Path) -> None:
    path = draw(tmp_path, "a.jpg") / "a.jpg"
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xff" + data[2:])
    assert read_size(path) == (100, 80)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"text"])
def test_a_file_that_is_no_picture_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(
        DataError, match=r"a.jpg: expected an image that Pillow can read .*; take it"
    ):
        read_size(tmp_path / "a.jpg")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.jpg: expected an image .* No such file"):
        read_size(tmp_path / "gone.jpg")


def test_an_image_larger_than_memory_is_refused_by_its_header(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = struct.pack(">II", 60000, 60000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(DataError, match=r"a.png: expected an image that Pillow can read"):
        read_size(tmp_path / "a.png")
