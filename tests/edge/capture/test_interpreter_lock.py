"""A source that waits in a library holds nobody up: OpenCV and PyAV release the interpreter.

So no camera needs a process of its own to keep the others going.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from edge.capture.stream import StreamSettings, open_stream
from edge.errors import SourceError


def counted_while(wait: Callable[[], object]) -> int:
    """Return how often another thread ran while one waits in a library for half a second."""
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    count, until = 0, time.monotonic() + 0.5
    while time.monotonic() < until:
        time.sleep(0.001)  # the interpreter is given away, and has to be had again
        count += 1
    assert waiting.is_alive(), "it did not wait"
    return count


def test_opencv_that_waits_for_a_device_leaves_the_interpreter_to_others(tmp_path: Path) -> None:
    pipe = tmp_path / "camera.avi"
    os.mkfifo(pipe)
    assert counted_while(lambda: cv2.VideoCapture(str(pipe), cv2.CAP_FFMPEG)) > 20
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # it ends


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_pyav_that_waits_for_a_camera_leaves_the_interpreter_to_others(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/"

        def wait() -> None:
            with pytest.raises(SourceError):
                open_stream(url, StreamSettings(url=url))

        assert counted_while(wait) > 20
