"""Streams that send more than is read of them: what is seen of them is never old."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.stream import StreamSettings, StreamSource
from edge.commands.embedded_broker import free_port
from edge.errors import SourceError
from edge.types import Frame, Image
from tests.films import FPS
from tools.video_table import ffmpeg

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")

BITS = 8
SECONDS = 6


def numbered(number: int) -> Image:
    """Return an image that says its number in black and white."""
    bits = [255 * (number >> bit & 1) for bit in range(BITS)]
    row = np.repeat(np.array(bits, np.uint8), 40)
    return np.broadcast_to(row[None, :, None], (240, 40 * BITS, 3)).copy()


def number_of(frame: Frame) -> int:
    bits = frame.image[120, 20::40].mean(axis=1) > 128
    return sum(1 << bit for bit, on in enumerate(bits.tolist()) if on)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of numbered images."""
    folder = tmp_path_factory.mktemp("overload")
    for number in range(round(SECONDS * FPS)):
        cv2.imwrite(str(folder / f"{number:03}.png"), numbered(number))
    return folder


@pytest.fixture(params=["libx264", "mjpeg"])
def address(request: pytest.FixtureRequest, video: Path, tmp_path: Path) -> Iterator[str]:
    """Serve the images as they would come from a camera, to whoever asks first."""
    film = tmp_path / "film.mkv"
    form = {"libx264": "mpegts", "mjpeg": "mpjpeg"}[request.param]
    key = ["-g", str(round(FPS)), "-bf", "0", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    key = key if form == "mpegts" else ["-q:v", "2", "-pix_fmt", "yuvj420p"]
    ffmpeg("-framerate", str(FPS), "-i", video / "%03d.png", "-c:v", request.param, *key, film)
    url = f"http://127.0.0.1:{free_port()}/live"
    command = ["ffmpeg", "-v", "quiet", "-re", "-i", str(film), "-c", "copy", "-f", form]
    with subprocess.Popen([*command, "-listen", "1", url], stdin=subprocess.DEVNULL) as program:
        yield url
        program.kill()


def open_when_it_listens(url: str) -> tuple[StreamSource, Frame]:
    """Return the stream and its first frame."""
    deadline = time.monotonic() + 20
    while True:
        try:
            stream = StreamSettings(url).open()
            if (frame := stream.read()) is not None:
                return stream, frame
            stream.close()
        except SourceError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_frames_of_a_stream_that_is_faster_than_they_are_read_are_not_old(address: str) -> None:
    stream, first = open_when_it_listens(address)
    with closing(stream):
        began = first.timestamp - number_of(first) / FPS
        delays = []
        while time.monotonic() < began + SECONDS - 1:
            time.sleep(0.2)  # as decoding would take on a slow machine
            if (frame := stream.read()) is not None:
                delays.append(frame.timestamp - began - number_of(frame) / FPS)
    assert len(delays) > 5
    assert delays[-1] < 1.6
    assert max(delays) < 2.0
