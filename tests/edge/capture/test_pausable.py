import time
from datetime import UTC, datetime

import pytest

from edge.capture.pausable import PausableSource
from edge.types import CameraState, Image
from tests.edge.cameras import FakeCamera


@pytest.fixture
def camera(clip: list[Image]) -> FakeCamera:
    return FakeCamera(clip)


def test_frames_pass_through(camera: FakeCamera) -> None:
    lookout = PausableSource(camera, live=True)
    frames = [lookout.read(), lookout.read()]
    assert [frame and frame.index for frame in frames] == [0, 1]
    assert lookout.state is CameraState.ONLINE


def test_a_pause_lets_a_camera_go_and_shows_nothing_until_it_is_over(camera: FakeCamera) -> None:
    lookout = PausableSource(camera, live=True)
    lookout.read()
    until = datetime.now(UTC)
    lookout.pause(until)
    assert lookout.state is CameraState.PAUSED
    assert lookout.paused_until == until
    assert lookout.read() is None
    assert (camera.closed, camera.reads) == (True, 1)
    lookout.resume()
    assert lookout.read() is not None
    assert lookout.paused_until is None


def test_a_film_that_is_paused_stays_open(camera: FakeCamera) -> None:
    lookout = PausableSource(camera, live=False)
    lookout.pause(None)
    lookout.read()
    assert not camera.closed


@pytest.mark.parametrize("online", [True, None])
def test_frames_are_expected_of_a_camera_until_it_is_known_to_be_away(
    camera: FakeCamera, online: bool | None
) -> None:
    lookout = PausableSource(camera, live=True)
    camera.online = online
    assert lookout.expects_frames
    camera.online = False
    assert not lookout.expects_frames


def test_no_frames_are_expected_in_a_pause(camera: FakeCamera) -> None:
    lookout = PausableSource(camera, live=True)
    lookout.pause(None)
    assert not lookout.expects_frames


def test_another_source_is_read_once_the_one_before_was_closed(
    camera: FakeCamera, clip: list[Image]
) -> None:
    class Watchful(FakeCamera):
        def read(self):  # type: ignore[no-untyped-def]
            assert camera.closed
            return super().read()

    lookout = PausableSource(camera, live=True)
    lookout.read()
    lookout.replace(Watchful(clip), live=False)
    assert lookout.read() is not None
    assert not lookout.live


def test_what_was_closed_is_offline(camera: FakeCamera) -> None:
    lookout = PausableSource(camera, live=False)
    lookout.read()
    lookout.close()
    assert camera.closed
    assert lookout.state is CameraState.OFFLINE


def thirty_a_second(clip: list[Image]) -> FakeCamera:
    return FakeCamera(clip * 4, wait=lambda: time.sleep(1 / 30))


def test_while_it_is_quiet_two_of_three_frames_pass_unseen(clip: list[Image]) -> None:
    camera = thirty_a_second(clip)
    lookout = PausableSource(camera, live=True)
    lookout.quiet = True
    for _ in range(6):
        assert lookout.read() is not None
    assert 8 <= camera.skipped <= 12


def test_of_a_scene_that_is_not_quiet_every_frame_is_seen(clip: list[Image]) -> None:
    camera = thirty_a_second(clip)
    lookout = PausableSource(camera, live=True)
    for quiet in (True, False, False):
        lookout.quiet = quiet
        lookout.read()
        before = camera.skipped
    assert camera.skipped == before


def test_another_source_is_not_quiet_because_the_one_before_was(clip: list[Image]) -> None:
    lookout = PausableSource(FakeCamera(clip), live=True)
    lookout.quiet = True
    lookout.replace(FakeCamera(clip), live=True)
    assert not lookout.quiet
