from collections.abc import Iterator

import pytest

from tests.system.camera import Camera, Stream
from tests.system.guest import Guest, run
from tests.system.listener import Listener
from tests.system.service import Service


@pytest.fixture
def other_camera(guest: Guest, camera: Camera) -> Iterator[Camera]:
    """What an instance may watch beside the service: only a stream can be read by two."""
    if isinstance(camera, Stream):
        yield camera
        return
    stream = Stream(guest)
    stream.plug()
    yield stream
    stream.unplug()


@pytest.fixture
def door(guest: Guest, other_camera: Camera, service: Service) -> Iterator[Service]:
    """An instance of the template, beside the service."""
    door = Service(guest, "door")
    door.configure(other_camera, {"device": "door"})
    door.restart()
    yield door
    door.close()
    run(guest, f"rm {door.config}")


def test_an_instance_runs_beside_the_service(
    service: Service, door: Service, listener: Listener
) -> None:
    listener.wait_for_events(device="door")
    listener.wait_for_events(device="guest")
    assert service.pid != door.pid


def test_an_instance_has_a_state_of_its_own(guest: Guest, door: Service, service: Service) -> None:
    assert run(guest, "ls /var/lib/emotiond-door/*door@*.sqlite") != ""
    assert run(guest, "ls /var/lib/emotiond/*door* 2>&1 || true").startswith("ls: cannot access")


def test_an_instance_can_be_stopped_alone(
    guest: Guest, service: Service, door: Service, listener: Listener
) -> None:
    run(guest, f"systemctl stop {door.unit}")
    listener.wait_for_events(device="guest")
    assert (service.is_active, door.is_active) == (True, False)
