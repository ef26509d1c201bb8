import logging
import time
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from edge.capture.pausable import PausableSource
from edge.capture.reconnect import ReconnectingSource
from edge.capture.source import iter_frames
from edge.errors import SourceError
from edge.types import CameraState, Frame, Image
from tests.edge.cameras import FakeCamera
from tests.events import frame

IMAGE = np.zeros((4, 4, 3), dtype=np.uint8)


class Absent(FakeCamera):
    """A camera that is not there."""

    def read(self) -> Frame | None:  # type: ignore[override]
        return None


def test_frames_end_with_the_source_and_what_cannot_be_read_is_skipped() -> None:
    assert [frame.index for frame in iter_frames(FakeCamera([IMAGE, None, IMAGE]))] == [0, 2]


def test_a_source_that_gives_nothing_is_given_up_after_a_while() -> None:
    with pytest.raises(SourceError, match="no image came for 0 s; is the camera there"):
        next(iter_frames(Absent([]), timeout=0.05))


class Clock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Camera:
    """A camera that opens and reads only while it is plugged in."""

    online = True

    def __init__(self) -> None:
        self.plugged = True
        self.opened = 0
        self.closed = 0

    def open(self) -> "Camera":
        if not self.plugged:
            raise SourceError("cannot be opened")
        self.opened += 1
        return self

    def read(self) -> Frame:
        if not self.plugged:
            raise SourceError("gives no more frames")
        return frame()

    def skip(self) -> None:
        self.read()

    def close(self) -> None:
        self.closed += 1


def connect(camera: Camera, clock: Clock) -> ReconnectingSource:
    return ReconnectingSource("camera 0", camera.open, clock, clock.sleep)


def test_frames_pass_through_and_the_source_is_opened_once() -> None:
    camera, clock = Camera(), Clock()
    source = connect(camera, clock)
    assert not source.online
    assert [source.read() is not None for _ in range(3)] == [True] * 3
    assert source.online
    assert camera.opened == 1


def test_a_camera_that_returns_is_found_again_and_was_closed_between() -> None:
    camera, clock = Camera(), Clock()
    source = connect(camera, clock)
    source.read()
    camera.plugged = False
    assert source.read() is None
    assert not source.online
    assert camera.closed == 1
    camera.plugged = True
    while source.read() is None:
        assert clock.now < 100 + 15
    assert source.online
    assert camera.opened == 2


def test_a_source_that_was_closed_is_opened_again_by_the_next_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    camera, clock = Camera(), Clock()
    source = connect(camera, clock)
    source.read()
    source.close()
    assert (source.online, camera.closed) == (None, 1)
    assert source.read() is not None
    assert (source.online, camera.opened) == (True, 2)
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]


def test_the_wait_grows_up_to_a_limit_with_jitter_and_never_ends() -> None:
    camera, clock = Camera(), Clock()
    camera.plugged = False
    source = connect(camera, clock)
    attempts = []
    for _ in range(2000):
        before = len(clock.slept)
        source.read()
        if len(clock.slept) == before:
            attempts.append(clock.now)
    waits = [later - earlier for earlier, later in pairwise(attempts)]
    assert 0.25 <= waits[0] <= 0.5
    assert all(7.5 - 1e-6 <= wait <= 15 + 1e-6 for wait in waits[6:])
    assert len({round(wait, 3) for wait in waits[6:]}) > 10
    assert max(clock.slept) <= 0.5


def test_only_changes_of_state_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    camera, clock = Camera(), Clock()
    camera.plugged = False
    source = connect(camera, clock)
    for _ in range(100):
        source.read()
    camera.plugged = True
    for _ in range(100):
        source.read()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "cannot be opened" in caplog.text


def test_a_source_that_is_lost_while_frames_are_skipped_is_found_again() -> None:
    camera, clock = Camera(), Clock()
    source = connect(camera, clock)
    source.read()
    camera.plugged, source.idle = False, True
    source.read()
    assert source.online is False
    camera.plugged = True
    clock.now += 15
    assert source.read() is not None


@pytest.fixture
def camera(clip: list[Image]) -> FakeCamera:
    return FakeCamera(clip)


def test_frames_pass_through(camera: FakeCamera) -> None:
    source = PausableSource(camera, live=True)
    frames = [source.read(), source.read()]
    assert [frame and frame.index for frame in frames] == [0, 1]
    assert source.state is CameraState.ONLINE


def test_a_pause_lets_a_camera_go_and_shows_nothing_until_it_is_over(camera: FakeCamera) -> None:
    source = PausableSource(camera, live=True)
    source.read()
    until = datetime.now(UTC)
    source.pause(until)
    assert source.state is CameraState.PAUSED
    assert source.paused_until == until
    assert source.read() is None
    assert (camera.closed, camera.reads) == (True, 1)
    source.resume()
    assert source.read() is not None
    assert source.paused_until is None


def test_a_video_that_is_paused_stays_open(camera: FakeCamera) -> None:
    source = PausableSource(camera, live=False)
    source.pause(None)
    source.read()
    assert not camera.closed


@pytest.mark.parametrize("online", [True, None])
def test_frames_are_expected_of_a_camera_until_it_is_known_to_be_away(
    camera: FakeCamera, online: bool | None
) -> None:
    source = PausableSource(camera, live=True)
    camera.online = online
    assert source.expects_frames
    camera.online = False
    assert not source.expects_frames


def test_no_frames_are_expected_in_a_pause(camera: FakeCamera) -> None:
    source = PausableSource(camera, live=True)
    source.pause(None)
    assert not source.expects_frames


def test_another_source_is_read_once_the_one_before_was_closed(
    camera: FakeCamera, clip: list[Image]
) -> None:
    class Watchful(FakeCamera):
        def read(self):  # type: ignore[no-untyped-def]
            assert camera.closed
            return super().read()

    source = PausableSource(camera, live=True)
    source.read()
    source.replace(Watchful(clip), live=False)
    assert source.read() is not None
    assert not source.live


def test_what_was_closed_is_offline(camera: FakeCamera) -> None:
    source = PausableSource(camera, live=False)
    source.read()
    source.close()
    assert camera.closed
    assert source.state is CameraState.OFFLINE


def thirty_a_second(clip: list[Image]) -> FakeCamera:
    return FakeCamera(clip * 4, wait=lambda: time.sleep(1 / 30))


def test_while_it_is_idle_two_of_three_frames_are_skipped(clip: list[Image]) -> None:
    camera = thirty_a_second(clip)
    source = PausableSource(ReconnectingSource("camera", lambda: camera), live=True)
    source.idle = True
    for _ in range(6):
        assert source.read() is not None
    assert 8 <= camera.skipped <= 12


def test_of_a_scene_that_is_not_idle_every_frame_is_seen(clip: list[Image]) -> None:
    camera = thirty_a_second(clip)
    source = PausableSource(ReconnectingSource("camera", lambda: camera), live=True)
    for idle in (True, False, False):
        source.idle = idle
        source.read()
        before = camera.skipped
    assert camera.skipped == before


def test_another_source_is_not_idle_because_the_one_before_was(clip: list[Image]) -> None:
    source = PausableSource(FakeCamera(clip), live=True)
    source.idle = True
    source.replace(FakeCamera(clip), live=True)
    assert not source.idle
