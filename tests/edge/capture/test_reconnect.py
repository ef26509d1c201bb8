import logging
from itertools import pairwise

import pytest

from edge.capture.source import ReconnectingSource
from edge.errors import SourceError
from edge.types import Frame
from tests.events import frame


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
    source.skip()
    assert camera.opened == 0, "there is nothing to skip before the first frame"
    source.read()
    camera.plugged = False
    source.skip()
    assert source.online is False
    camera.plugged = True
    clock.now += 15
    assert source.read() is not None
