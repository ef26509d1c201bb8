"""The process of the preview window, and the images that it reads from its pipe."""

import os
import subprocess
import sys

import pytest

from edge.view.preview import FRAME_HEADER


def test_a_header_is_width_height_and_length_of_the_text_in_two_bytes_the_lower_first() -> None:
    assert FRAME_HEADER.pack(1920, 1080, 3) == b"\x80\x07\x38\x04\x03\x00"


def test_an_image_may_come_in_pieces_and_the_end_within_one() -> None:
    pytest.importorskip("pygame")
    whole = FRAME_HEADER.pack(64, 48, 3) + b"abc" + bytes(64 * 48 * 3)
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.view.preview_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "SDL_VIDEODRIVER": "dummy"},
    )
    assert process.stdin is not None
    for piece in (
        whole[:3],
        whole[3:100],
        whole[100:] + FRAME_HEADER.pack(0, 0, 0) + whole,
        whole[:-1],
    ):
        process.stdin.write(piece)
        process.stdin.flush()
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, b"")
