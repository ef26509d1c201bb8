"""The process of the preview window, and the images that it reads from its pipe."""

import io
import os
import subprocess
import sys
from threading import Semaphore, Thread

import pytest

from edge.view.preview import FRAME_HEADER
from tests.brokers import wait_until


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


def test_no_image_waits_behind_one_that_is_not_shown_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame = pytest.importorskip("pygame")
    from edge.view.preview_process import FRAME_EVENT, read_frames

    pygame.display.init()
    try:
        images = io.BytesIO(3 * (FRAME_HEADER.pack(64, 48, 0) + bytes(64 * 48 * 3)))
        shown = Semaphore()
        reader = Thread(target=read_frames, args=(images, shown), daemon=True)
        reader.start()
        for count in (2, 3):  # images read: one is posted, the next is held
            wait_until(lambda: images.tell() == count * len(images.getvalue()) // 3)  # noqa: B023
            assert len(pygame.event.get(FRAME_EVENT)) == 1
            shown.release()
        shown.release()
        reader.join(10)
        assert [event.frame is None for event in pygame.event.get(FRAME_EVENT)] == [False, True]
    finally:
        pygame.display.quit()
