"""What arrives at a device when someone uses its entities in a real Home Assistant."""

import cv2
import pytest

from edge.service.commands import GetSnapshot, Pause, SetModel
from edge.types import CameraState
from tests.brokers import wait_until
from tests.events import BLANK
from tests.homeassistant.core import HomeAssistant
from tests.homeassistant.device import PublishedDevice


@pytest.mark.parametrize(("service", "paused"), [("turn_on", True), ("turn_off", False)])
def test_the_switch_pauses_and_resumes_and_shows_what_the_daemon_says(
    device: PublishedDevice, home: HomeAssistant, service: str, paused: bool
) -> None:
    home.call("switch", service, device.id_of("pause") or "")
    assert device.next_command() == Pause(paused=paused)
    assert device.state_of("pause") == "off"  # as long as the daemon does not say otherwise
    device.set(camera=CameraState.PAUSED)
    device.wait_for(pause="on")
    device.set()
    device.wait_for(pause="off")


def test_the_list_chooses_a_model(device: PublishedDevice, home: HomeAssistant) -> None:
    assert device.shown("model")["attributes"]["options"] == ["shallow-int8", "tiny-int8"]
    home.call("select", "select_option", device.id_of("model") or "", option="tiny-int8")
    assert device.next_command() == SetModel("tiny-int8")
    device.set(model="tiny-int8")
    device.wait_for(model="tiny-int8")


def test_the_button_takes_a_picture_and_the_image_shows_it(
    device: PublishedDevice, home: HomeAssistant
) -> None:
    picture = cv2.imencode(".jpg", BLANK)[1].tobytes()
    home.call("button", "press", device.id_of("take_snapshot") or "")
    assert device.next_command(picture) == GetSnapshot()
    wait_until(lambda: device.state_of("snapshot") != "unknown")
    assert home.picture(device.id_of("snapshot") or "") == picture
