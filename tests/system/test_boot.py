from collections.abc import Callable

from tests.system.camera import Camera
from tests.system.guest import Guest, wait
from tests.system.listener import Listener
from tests.system.service import Service

READY_SECONDS = 10.0


def test_it_is_ready_once_frames_went_through_the_model(guest: Guest, service: Service) -> None:
    assert service.seconds_to_ready < READY_SECONDS * guest.slowness
    assert "camera online" in service.show("StatusText")


def test_it_starts_at_boot(
    guest: Guest, camera: Camera, service: Service, listen: Callable[[], Listener]
) -> None:
    guest.reboot()
    wait(guest, lambda: service.is_active, READY_SECONDS)
    assert service.seconds_to_ready < READY_SECONDS * guest.slowness
    camera.plug()
    listen().wait_for_events()


def test_it_starts_at_boot_without_a_camera_and_says_so(guest: Guest, service: Service) -> None:
    guest.reboot()
    wait(guest, lambda: service.is_active, READY_SECONDS)
    assert "camera offline" in service.show("StatusText")
