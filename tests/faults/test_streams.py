"""Streams that break off, flap or hold bad parts: few lines, growing delays, no false state."""

import logging
import time
from collections.abc import Iterator
from itertools import cycle

import cv2
import numpy as np
import pytest

from edge.capture.reconnect import ReconnectingSource
from edge.capture.stream import StreamSettings
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
