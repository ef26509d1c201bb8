"""Streams over RTSP, from a camera that the program ffmpeg plays."""

import shutil
import time
from pathlib import Path

import pytest

from edge.capture.stream import StreamSettings, StreamSource
from edge.types import Frame
from tests.edge.capture.test_camera import read_frame
from tests.rtsp import serve_rtsp
from tools.video_table import ffmpeg

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds with a key frame every seven."""
    path = tmp_path_factory.mktemp("rtsp") / "video.mp4"
    scene = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=12", "-bf", "0"]
    ffmpeg(
        *scene,
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-preset",
        "ultrafast",
        "-g",
        "175",
        "-sc_threshold",
        "0",
        path,
    )
    return path


def read_first(stream: StreamSource) -> Frame:
    frame = read_frame(stream)
    stream.close()
    return frame


@pytest.mark.parametrize(
    ("settings", "refuse_tcp", "asked"),
    [
        ({}, False, ["tcp"]),
        ({}, True, ["tcp", "udp"]),
        ({"transport": "udp"}, False, ["udp"]),
        ({"transport": "tcp", "latency": "low"}, False, ["tcp"]),
    ],
)
def test_the_transport_is_as_it_is_set(
    settings: dict[str, str], refuse_tcp: bool, asked: list[str], video: Path
) -> None:
    with serve_rtsp(video, refuse_tcp=refuse_tcp) as camera:
        stream = StreamSettings(camera.address, **settings).open()  # type: ignore[arg-type]
        assert read_first(stream).size == (320, 240)
    assert camera.transports == asked


def test_the_next_key_frame_is_waited_for_as_long_as_packets_come(video: Path) -> None:
    with serve_rtsp(video, skipped=20) as camera:
        started = time.monotonic()
        frame = read_first(StreamSettings(camera.address).open())
    assert frame.captured - started > 5, "that of the beginning was missed"
    assert camera.transports == ["tcp"], "in one connection"
