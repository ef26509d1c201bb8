import struct

import cv2
import numpy as np
import pytest

from edge.capture.mjpeg import LONGEST, MjpegParser, decode_jpeg
from edge.types import Image


@pytest.fixture
def jpegs(clip: list[Image]) -> list[bytes]:
    """Four pictures of the clip."""
    return [cv2.imencode(".jpg", image)[1].tobytes() for image in clip[:4]]


def cut(stream: bytes, step: int) -> list[bytes]:
    """Feed a stream in pieces of `step` bytes; return every picture that came out."""
    cutter = MjpegParser()
    pieces = [stream[place : place + step] for place in range(0, len(stream), step)]
    return [picture for piece in pieces if (picture := cutter.feed(piece))]


@pytest.mark.parametrize("step", [1, 2, 1000, 4096])
def test_pictures_come_out_whole_however_the_stream_is_divided(
    jpegs: list[bytes], step: int
) -> None:
    assert cut(b"".join(jpegs), step) == jpegs


def test_of_several_pictures_at_once_the_last_whole_one_is_kept(jpegs: list[bytes]) -> None:
    cutter = MjpegParser()
    assert cutter.feed(b"".join(jpegs[:3]) + jpegs[3][:100]) == jpegs[2]
    assert cutter.feed(jpegs[3][100:]) == jpegs[3]


@pytest.mark.parametrize("step", [1, 5000, 10**6])
def test_what_is_cut_short_or_lies_between_pictures_is_passed_over(
    jpegs: list[bytes], step: int
) -> None:
    stream = (
        b"rubbish\xff\xd9" + jpegs[0][:3000] + jpegs[1] + bytes(99) + jpegs[2][9000:] + jpegs[3]
    )
    assert cut(stream, step)[-1] == jpegs[3]
    assert set(cut(stream, 1)) >= {jpegs[1], jpegs[3]}
    assert jpegs[0] not in cut(stream, step)


def test_a_stream_without_end_takes_no_more_memory_than_the_longest_picture(
    jpegs: list[bytes],
) -> None:
    cutter = MjpegParser()
    for _ in range(3 * LONGEST // (1 << 20)):
        assert cutter.feed(bytes(1 << 20)) is None
        assert len(cutter._rest) <= LONGEST
    assert cutter.feed(jpegs[0]) == jpegs[0]


def test_a_picture_is_decoded_as_it_was_made(jpegs: list[bytes], clip: list[Image]) -> None:
    image = decode_jpeg(jpegs[0])
    assert image is not None
    assert np.abs(image.astype(int) - clip[0]).mean() < 3


def test_rubbish_is_no_picture(jpegs: list[bytes]) -> None:
    assert decode_jpeg(b"") is None
    assert decode_jpeg(b"\xff\xd8\xff" + bytes(1000) + b"\xff\xd9") is None
    assert decode_jpeg(jpegs[0][:200]) is None


def test_a_picture_that_claims_to_be_huge_is_not_decoded(jpegs: list[bytes]) -> None:
    head = jpegs[0].index(b"\xff\xc0\x00\x11\x08")
    huge = jpegs[0][: head + 5] + struct.pack(">HH", 16000, 60000) + jpegs[0][head + 9 :]
    assert decode_jpeg(huge) is None
