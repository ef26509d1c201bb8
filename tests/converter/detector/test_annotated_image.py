"""Photographs: read as they were annotated, or refused."""

import struct
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.detector.annotations import Split, of_split
from edge.errors import DataError
from tests.converter.detector.annotated_images import write_photo


def test_a_gray_picture_is_read_in_three_channels(tmp_path: Path) -> None:
    photograph = write_photo(tmp_path / "a.png", size=(30, 20))
    cv2.imwrite(str(photograph.path), np.full((20, 30), 7, np.uint8))
    image = photograph.read()
    assert image.shape == (20, 30, 3)
    assert image.dtype == np.uint8
    assert (image == 7).all()


def test_a_picture_that_says_it_lies_on_its_side_is_read_as_it_is_stored(tmp_path: Path) -> None:
    """Annotators' boxes are of the stored pixels; OpenCV would turn them."""
    photograph = write_photo(tmp_path / "a.jpg", size=(48, 32))
    jpeg = photograph.path.read_bytes()
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # orientation: turned by 90 degrees
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    segment = b"Exif\0\0" + tiff
    exif = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    photograph.path.write_bytes(jpeg[:2] + exif + jpeg[2:])
    turned = cv2.imread(str(photograph.path))
    assert turned is not None
    assert turned.shape == (48, 32, 3)
    assert photograph.read().shape == (32, 48, 3)


def test_a_picture_of_another_size_than_annotated_is_named_with_both(tmp_path: Path) -> None:
    photograph = replace(write_photo(tmp_path / "a.png", size=(30, 20)), width=31)
    with pytest.raises(DataError, match=r"a\.png: expected 31x20 as annotated, found 30x20"):
        photograph.read()


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes | None) -> None:
    photograph = write_photo(tmp_path / "a.png")
    photograph.path.unlink()
    if content is not None:
        photograph.path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png: expected an image"):
        photograph.read()


def test_photographs_of_a_split_keep_their_order(tmp_path: Path) -> None:
    splits: list[Split] = ["train", "test", "train"]
    photographs = [
        write_photo(tmp_path / f"{number}.png", split=split) for number, split in enumerate(splits)
    ]
    assert of_split(photographs, "train") == (photographs[0], photographs[2])
    assert of_split(photographs, "test") == (photographs[1],)
