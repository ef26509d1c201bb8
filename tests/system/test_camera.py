from collections.abc import Callable

import pytest

from tests.system.camera import Camera, Pattern
from tests.system.guest import Guest, wait
from tests.system.listener import Listener
from tests.system.service import Service


def test_a_camera_that_went_and_came_back_is_watched_by_the_same_process(
    guest: Guest, camera: Camera, service: Service, listener: Listener
) -> None:
    pid = service.pid
    listener.wait_for_events()
    camera.unplug()
    wait(guest, lambda: "camera offline" in service.show("StatusText"), 30)
    camera.plug()
    listener.wait_for_events(2)
    assert service.pid == pid


@pytest.fixture
def needs_drivers(guest: Guest) -> None:
    """Skip where the kernel is another machine's."""
    if not guest.has_cameras:
        pytest.skip("a container cannot load camera drivers; MACHINE=qemu can")


def test_a_camera_whose_driver_was_loaded_after_the_start_is_opened(
    guest: Guest,
    needs_drivers: None,
    camera: Camera,
    service: Service,
    listen: Callable[[], Listener],
) -> None:
    guest.reboot()
    wait(guest, lambda: service.is_active)
    pid = service.pid
    camera.plug()
    listen().wait_for_events()
    assert service.pid == pid


def test_any_v4l2_camera_gives_frames(guest: Guest, needs_drivers: None, service: Service) -> None:
    pattern = Pattern(guest)
    pattern.plug()
    service.configure(pattern)
    service.restart()
    pid = service.pid
    assert "camera online" in service.show("StatusText")
    pattern.unplug()
    wait(guest, lambda: "camera offline" in service.show("StatusText"))
    pattern.plug()
    wait(guest, lambda: "camera online" in service.show("StatusText"))
    assert service.pid == pid
    pattern.unplug()
