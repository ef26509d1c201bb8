import pytest

from edge.bench.stream import LiveStream
from edge.capture.camera import CameraSettings, OpenCVSource
from edge.capture.stream import StreamSettings
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.errors import SourceError


def test_an_http_stream_gives_its_frames_and_then_says_that_it_ended() -> None:
    with LiveStream(CLIP, fps=50) as server:
        stream = StreamSettings(server.url).open()
        frames = [stream.read() for _ in range(5)]
    assert [frame.index for frame in frames] == list(range(5))
    assert frames[0].size == (640, 480)
    assert frames[0].timestamp < frames[-1].timestamp
    with pytest.raises(SourceError, match="no more frames"):
        read_on(stream)
    stream.close()


def test_frames_that_are_skipped_are_not_counted_and_their_end_is_reported() -> None:
    with LiveStream(CLIP, fps=50) as server:
        stream = StreamSettings(server.url).open()
        before = stream.read()
        skip_on(stream, 10)
        after = stream.read()
    assert (before.index, after.index) == (0, 1)
    assert after.captured - before.captured >= 10 / 50 - 0.05
    with pytest.raises(SourceError, match="no more frames"):
        skip_on(stream, 200)
    stream.close()


def skip_on(stream: OpenCVSource, count: int) -> None:
    for _ in range(count):
        stream.skip()


def read_on(stream: OpenCVSource) -> None:
    """Read what may still lie in buffers, and beyond."""
    for _ in range(100):
        stream.read()


def test_a_stream_that_nobody_serves_cannot_be_opened() -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        StreamSettings(f"http://127.0.0.1:{free_port()}/").open()


@pytest.mark.parametrize("device", [63, "/dev/v4l/by-id/none"])
def test_a_camera_that_is_not_there_cannot_be_opened(device: int | str) -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        CameraSettings(device).open()


def test_cameras_and_streams_are_live() -> None:
    assert CameraSettings().is_live
    assert StreamSettings("rtsp://camera/1").is_live


@pytest.mark.parametrize("password", ["pw", "p/w", "p#w", "p@w"])
def test_the_address_of_a_stream_is_logged_without_user_and_password(password: str) -> None:
    settings = StreamSettings(f"rtsp://me:{password}@cam:554/live?token=1")
    assert settings.location == "rtsp://cam:554/live"
