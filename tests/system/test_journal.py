import re

from tests.system.camera import Camera
from tests.system.guest import Guest, run
from tests.system.listener import Listener
from tests.system.service import Service

WARNING, INFO = "4", "6"


def test_lines_have_priorities(guest: Guest, camera: Camera, service: Service) -> None:
    camera.unplug()
    service.wait_for_warning("trying again")
    info = [line["MESSAGE"] for line in service.journal() if line["PRIORITY"] == INFO]
    assert any("frames are coming" in message for message in info)


def test_lines_have_no_time_and_no_level_of_their_own(
    guest: Guest, camera: Camera, service: Service, listener: Listener
) -> None:
    listener.wait_for_events()
    camera.unplug()
    service.wait_for_warning("trying again")
    said = [line["MESSAGE"] for line in service.journal()]
    assert said
    assert [
        line for line in said if re.search(r"\d\d:\d\d:\d\d|^<\d>|^(INFO|WARNING) ", line)
    ] == []


def test_a_camera_that_stays_away_is_one_line(
    guest: Guest, camera: Camera, service: Service
) -> None:
    camera.unplug()
    service.wait_for_warning("trying again")
    run(guest, "sleep 8")  # it tries again, meanwhile
    assert len(service.journal("--priority=warning")) == 1


def test_nothing_is_said_of_frames_and_events(
    guest: Guest, service: Service, listener: Listener
) -> None:
    listener.wait_for_events()
    before = len(service.journal())
    listener.wait_for_events(3)
    assert len(service.journal()) == before
