import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from threading import Thread

import cv2
import msgspec
import numpy as np
import pytest

from edge.bench.clips import LiveStream
from edge.capture.camera import CameraSettings
from edge.capture.pausable import PausableSource
from edge.capture.reconnect import ReconnectingSource
from edge.capture.stream import StreamSettings, StreamSource
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.errors import SourceError
from edge.secrets import SecretRef
from edge.types import Frame
from tests.brokers import wait_until
from tests.mjpeg import serve_mjpeg

NOISE = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 255, (240, 320), np.uint8))[
    1
].tobytes()


def test_an_http_stream_gives_its_frames_and_then_says_that_it_ended() -> None:
    with LiveStream(CLIP, fps=50) as server:
        stream = StreamSettings(server.url).open()
        frames = [read_frame(stream) for _ in range(5)]
    assert [frame.index for frame in frames] == list(range(5))
    assert frames[0].size == (640, 480)
    assert frames[0].timestamp < frames[-1].timestamp
    with pytest.raises(SourceError, match="no more frames"):
        read_on(stream)
    stream.close()


def test_frames_that_are_skipped_are_not_counted_and_their_end_is_reported() -> None:
    with LiveStream(CLIP, fps=50) as server:
        stream = StreamSettings(server.url).open()
        before = read_frame(stream)
        skip_on(stream, 10)
        after = read_frame(stream)
    assert (before.index, after.index) == (0, 1)
    assert after.captured - before.captured >= 10 / 50 - 0.05
    with pytest.raises(SourceError, match="no more frames"):
        skip_on(stream, 200)
    stream.close()


def read_frame(stream: StreamSource) -> Frame:
    """Return the next frame, however late it is."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if frame := stream.read():
            return frame
    raise TimeoutError


def skip_on(stream: StreamSource, count: int) -> None:
    for _ in range(count):
        stream.skip()


def read_on(stream: StreamSource) -> None:
    """Read what may still lie in buffers, and beyond."""
    for _ in range(100):
        stream.read()


def test_a_stream_that_nobody_serves_cannot_be_opened() -> None:
    with pytest.raises(SourceError, match="nothing listens there"):
        StreamSettings(f"http://127.0.0.1:{free_port()}/").open()


@pytest.mark.parametrize("device", [63, "/dev/v4l/by-id/none"])
def test_a_camera_that_is_not_there_cannot_be_opened(device: int | str) -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        CameraSettings(device).open()


def test_cameras_and_streams_are_live() -> None:
    assert CameraSettings().is_live
    assert StreamSettings("rtsp://camera/1").is_live


USER, PASSWORD = "door man", "p:ss/w@rd?#%"


@pytest.fixture
def guarded() -> Iterator[str]:
    """The address of a live stream for one user alone."""
    stream = LiveStream(CLIP, fps=25)
    expected = f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"

    class Guard(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers["Authorization"] != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            stream.serve(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # theirs
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Guard)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/live.mjpg"
    stream.ended.set()
    server.shutdown()
    server.server_close()


def test_user_and_password_open_a_stream_whatever_letters_they_hold(
    guarded: str, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    source = StreamSettings(guarded, USER, SecretRef(file=secret)).open()
    assert read_frame(source).size == (640, 480)
    source.close()


def test_a_stream_that_lets_nobody_in_cannot_be_opened(guarded: str) -> None:
    with pytest.raises(SourceError, match="another user or password"):
        StreamSettings(guarded).open()


def test_a_password_that_cannot_be_read_is_told_as_such(guarded: str) -> None:
    settings = StreamSettings(guarded, USER, SecretRef(file=Path("/gone")))
    with pytest.raises(SourceError, match="/gone: the secret cannot be read"):
        settings.open()


@pytest.mark.parametrize("password", ["pw", "p/w", "p#w", "p@w"])
def test_what_may_be_logged_holds_neither_user_nor_password_nor_query(password: str) -> None:
    settings = StreamSettings(f"rtsp://me:{password}@camera:554/live?token=secret")
    assert settings.location == "rtsp://camera:554/live"
    assert settings.full_url == settings.url


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"password": {"env": "X"}}, "Expected `user` beside `password`"),
        ({"url": "rtsp://me:x@camera/", "user": "me"}, "in `url` or beside it, not both"),
        ({"url": "rtsp://[/"}, "IPv6"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({"kind": "stream", "url": "rtsp://camera/", **fields}, StreamSettings)


def test_a_silent_stream_is_let_go_at_once_and_by_its_thread_soon_after() -> None:
    with serve_mjpeg(lambda _: repeat(NOISE), 1.0) as camera:
        stream = StreamSettings(f"{camera.address}/").open()
        started = time.monotonic()
        stream.close()
        assert time.monotonic() - started < 0.5
        wait_until(lambda: all(thread.name != "stream" for thread in threading.enumerate()))


def test_a_slow_stream_is_not_taken_for_a_hung_one() -> None:
    url = "http://127.0.0.1/"
    slow = ReconnectingSource("s", StreamSettings(url).open, settings=StreamSettings(url))
    assert PausableSource(slow, live=True).max_silence_s == 60
    rare = StreamSettings(url, lost_after_s=600.0)
    assert (
        PausableSource(ReconnectingSource("s", rare.open, settings=rare), True).max_silence_s == 600
    )
    few = CameraSettings(0, max_fps=0.05)
    assert PausableSource(ReconnectingSource("s", few.open, settings=few), True).max_silence_s == 20
