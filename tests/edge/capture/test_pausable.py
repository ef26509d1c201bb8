import time
from datetime import UTC, datetime

import pytest

from edge.capture.source import PausableSource
from edge.types import CameraState, Image
from tests.edge.cameras import FakeCamera


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
    source = PausableSource(camera, live=True)
    source.idle = True
    for _ in range(6):
        assert source.read() is not None
    assert 8 <= camera.skipped <= 12


def test_of_a_scene_that_is_not_idle_every_frame_is_seen(clip: list[Image]) -> None:
    camera = thirty_a_second(clip)
    source = PausableSource(camera, live=True)
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
