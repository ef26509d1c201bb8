"""Streams that break off, flap or hold bad parts: few lines, growing delays, no false state."""

import http.server
import logging
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain, cycle

import cv2
import numpy as np
import pytest

from edge.capture.reconnect import ReconnectingSource
from edge.capture.stream import StreamSettings, StreamSource
from edge.errors import SourceError
from edge.types import Frame
from tests.events import frame
from tests.faults import fault
from tests.mjpeg import Clock, MjpegServer, serve_mjpeg


class Flaky:
    """A camera that gives so many frames, a tenth of a second apart, and is lost then."""

    online = True

    def __init__(self, clock: Clock, frames: int) -> None:
        self._clock, self._left = clock, frames

    def read(self) -> Frame:
        self._clock.now += 0.1
        self._left -= 1
        if self._left < 0:
            raise SourceError("gives no more frames")
        return frame(self._clock.now)

    def skip(self) -> None:
        self.read()

    def close(self) -> None:
        pass


@fault(
    "camera",
    "closes after each 30 frames",
    seen="one line `unsteady`; offline after the third loss",
    recovery="by itself, attempts lie further and further apart",
    lost="frames while it is away",
)
def test_a_camera_that_closes_again_and_again_is_one_state_and_few_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, opened = Clock(), 0

    def opener() -> Flaky:
        nonlocal opened
        opened += 1
        return Flaky(clock, frames=30)

    source = ReconnectingSource("camera", opener, clock, clock.sleep)
    states: list[bool | None] = []
    with caplog.at_level(logging.INFO, "edge.capture.reconnect"):
        while clock.now < 3600:
            source.read()
            if not states or states[-1] != source.online:
                states.append(source.online)
    assert opened < 300, "attempts lie further and further apart"
    assert len(states) <= 6, "after the third loss it is offline"
    assert states[-1] is False
    assert len(caplog.records) <= 15
    assert "unsteady: lost 3 times (gives no more frames)" in caplog.text


@fault(
    "camera",
    "lasts again",
    seen="one line `coming steadily`, with the count of losses",
    recovery="by itself",
)
def test_a_camera_that_lasts_again_is_online_and_its_losses_are_forgotten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    lengths = iter([5, 5, 5, 5, 1000, 5, 100_000])
    source = ReconnectingSource("camera", lambda: Flaky(clock, next(lengths)), clock, clock.sleep)
    with caplog.at_level(logging.INFO, "edge.capture.reconnect"):
        while clock.now < 100:
            source.read()
        assert source.online is True
        assert "frames are coming steadily, after 4 losses" in caplog.text
        while clock.now < 300:
            source.read()
    assert source.online is True
    assert caplog.text.count("unsteady") == 1, "two losses after it had lasted are no flapping"


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    """A camera that gives JPEGs for ever; every tenth part is what the path names."""
    gray = np.random.default_rng(1).integers(0, 255, (60, 80), np.uint8)
    jpeg = cv2.imencode(".jpg", gray)[1].tobytes()
    bad = {"/empty": b"", "/garbage": b"\0" * 500}
    with serve_mjpeg(lambda path: cycle([*[jpeg] * 9, bad[path]]), 0.01) as server:
        yield server


@fault(
    "camera",
    "sends empty parts or garbage between images",
    seen="the connection stays",
    recovery="by itself",
    lost="that part",
)
@pytest.mark.parametrize("kind", ["empty", "garbage"])
def test_a_bad_part_of_a_stream_is_passed_over(kind: str, camera: MjpegServer) -> None:
    settings = StreamSettings(url=f"{camera.address}/{kind}")
    source = ReconnectingSource("stream", settings.open)
    given, until = 0, time.monotonic() + 60
    while given < 80 and time.monotonic() < until:
        given += source.read() is not None
    source.close()
    assert given == 80
    assert camera.opened == 1, "the connection stayed"


def jpeg_of(width: int, height: int) -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (height, width), np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


def read_until(source: ReconnectingSource, done: Callable[[list[Frame]], bool]) -> list[Frame]:
    frames: list[Frame] = []
    until = time.monotonic() + 60
    while not done(frames):
        assert time.monotonic() < until
        frames += filter(None, [source.read()])
    source.close()
    return frames


@fault(
    "camera",
    "an address that answers one JPEG a request",
    seen="frames at `fps`, one line",
    recovery="none needed",
)
def test_an_address_that_answers_single_images_is_polled(caplog: pytest.LogCaptureFixture) -> None:
    requests: list[float] = []

    class Snapshot(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(time.monotonic())
            jpeg = jpeg_of(320, 240)
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(jpeg)))
            self.end_headers()
            self.wfile.write(jpeg)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Snapshot) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = StreamSettings(url=f"http://127.0.0.1:{server.server_port}/cgi?shot", fps=10)
        source = ReconnectingSource("stream", settings.open)
        with caplog.at_level(logging.INFO, "edge.capture.reconnect"):
            frames = read_until(source, lambda frames: len(frames) > 9)
        server.shutdown()
    assert frames[0].size == (320, 240)
    assert [record.getMessage() for record in caplog.records] == ["stream: frames are coming"]
    assert np.diff(requests[1:]).mean() > 0.09


@fault(
    "camera",
    "sends a frame every few seconds",
    seen="the connection stays; it is lost after ten times its usual interval, or `lost_after_s`",
    recovery="none needed",
)
def test_a_slow_camera_is_not_lost() -> None:
    with serve_mjpeg(lambda _: cycle([jpeg_of(320, 240)]), 2.5) as camera:
        source = ReconnectingSource("stream", StreamSettings(url=f"{camera.address}/").open)
        frames = read_until(source, lambda frames: len(frames) > 2)
    assert camera.opened == 1
    assert frames[2].captured - frames[1].captured > 2


def test_a_camera_that_falls_silent_is_lost_after_the_time_that_is_set() -> None:
    with serve_mjpeg(lambda _: chain([jpeg_of(320, 240)] * 3, hang()), 0.01) as camera:
        stream = StreamSettings(url=f"{camera.address}/", lost_after_s=1.5).open()
        with pytest.raises(SourceError, match="sent nothing for 2 s"):
            read_all(stream)
        stream.close()


def hang() -> Iterator[bytes]:
    time.sleep(8)
    yield b""


def read_all(stream: StreamSource) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        stream.read()


@fault(
    "camera",
    "changes the size of its images",
    seen="one line with both sizes; frames in the new size",
    recovery="by itself, the stream is opened again",
    lost="frames of half a second",
)
def test_a_stream_that_changes_its_size_is_opened_again(caplog: pytest.LogCaptureFixture) -> None:
    parts = [*[jpeg_of(320, 240)] * 5, *[jpeg_of(640, 480)] * 50]
    with serve_mjpeg(lambda _: parts if served.opened < 2 else parts[5:] * 9, 0.02) as served:
        source = ReconnectingSource("stream", StreamSettings(url=f"{served.address}/").open)
        frames = read_until(source, lambda frames: bool(frames and frames[-1].size == (640, 480)))
    assert {frame.size for frame in frames[:-1]} == {(320, 240)}
    assert "changed the size of its images from (320, 240) to (640, 480)" in caplog.text


def test_a_stream_of_far_too_large_images_is_refused_with_their_size() -> None:
    huge = cv2.imencode(".jpg", np.zeros((6000, 8000), np.uint8))[1].tobytes()
    with serve_mjpeg(lambda _: [huge] * 9) as camera, pytest.raises(SourceError, match="8000x6000"):
        StreamSettings(url=f"{camera.address}/").open()
