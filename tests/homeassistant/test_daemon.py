"""The whole daemon and a real Home Assistant, with a broker between them."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from tests.brokers import Mosquitto, wait_until
from tests.e2e.daemon import Daemon
from tests.homeassistant.core import HomeAssistant

NAME = "whole"
KEY = f"emotiond_{NAME}"


class Shown:
    """What Home Assistant shows of the daemon."""

    def __init__(self, home: HomeAssistant) -> None:
        self.home = home

    def id_of(self, key: str) -> str:
        return str(self.home.entities(KEY)[key]["entity_id"])

    def state_of(self, key: str) -> str:
        entry = self.home.entities(KEY).get(key)
        return str(self.home.states()[entry["entity_id"]]["state"]) if entry else "missing"

    def classes(self) -> list[str]:
        state = self.home.states()[self.id_of("emotion")]
        return list(state["attributes"].get("options", ()))

    def wait_for(self, key: str, state: str) -> None:
        wait_until(lambda: self.state_of(key) == state, 60)

    def wait_until_known(self, *keys: str, seconds: float = 60) -> None:
        unknown = ("missing", "unknown", "unavailable")
        wait_until(lambda: all(self.state_of(key) not in unknown for key in keys), seconds)


@pytest.fixture(scope="module")
def page_port() -> int:
    """Port of the daemon's web page."""
    return free_port()


@pytest.fixture(scope="module")
def running_daemon(
    running_home: HomeAssistant,
    home_broker: Mosquitto,
    page_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Daemon]:
    """A daemon that watches a live stream of the built-in clip, again and again."""
    folder = tmp_path_factory.mktemp("daemon")
    sink = {"kind": "mqtt", "host": "127.0.0.1", "port": home_broker.port, "device": NAME}
    with LiveStream(CLIP, fps=8) as stream:
        config = {
            "source": {"kind": "stream", "url": stream.url, "lost_after_s": 60},
            "sinks": [sink],
            "privacy": {"allow_snapshots": True},
            "web": {"enabled": True, "port": page_port},
            "state_dir": str(folder / "state"),
        }
        with Daemon(folder, config) as daemon:
            yield daemon
            assert daemon.stop() == 0


@pytest.fixture
def shown(home: HomeAssistant, running_daemon: Daemon) -> Iterator[Shown]:
    yield Shown(home)
    assert "WARNING" not in running_daemon.log
    assert "ERROR" not in running_daemon.log


def test_what_the_daemon_sees_and_how_it_fares_is_shown(shown: Shown) -> None:
    shown.wait_for("emotion", "happy")
    shown.wait_for("face_present", "on")
    shown.wait_until_known("frame_rate", "latency", "emotion_event")
    assert float(shown.state_of("frame_rate")) > 0


def test_the_minutes_of_a_stream_with_faces_are_summed_up(shown: Shown) -> None:
    minute = ("faces_in_the_last_minute", "face_time_in_the_last_minute")
    shown.wait_until_known(*minute, "emotion_of_the_last_minute", seconds=150)
    assert min(float(shown.state_of(key)) for key in minute) > 0
    assert shown.state_of("emotion_of_the_last_minute") in shown.classes()


def test_its_page_is_a_camera_of_the_mjpeg_integration(shown: Shown, page_port: int) -> None:
    shown.wait_until_known("emotion")
    page = f"http://127.0.0.1:{page_port}"
    urls = {"mjpeg_url": f"{page}/stream.mjpg", "still_image_url": f"{page}/snapshot.jpg"}
    shown.home.add_integration("mjpeg", name="Door", **urls, verify_ssl=True)
    wait_until(lambda: "camera.door" in shown.home.states())
    jpeg = shown.home.picture("camera.door")
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (480, 640, 3)


def test_its_button_brings_a_picture_of_its_camera(shown: Shown) -> None:
    shown.wait_until_known("emotion")
    shown.home.call("button", "press", shown.id_of("take_snapshot"))
    shown.wait_until_known("snapshot")
    jpeg = shown.home.picture(shown.id_of("snapshot"))
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (480, 640, 3)


def test_a_model_that_is_chosen_brings_its_classes(shown: Shown) -> None:
    shown.wait_until_known("emotion")
    assert "contempt" in shown.classes()
    shown.home.call("select", "select_option", shown.id_of("model"), option="shallow-fer2013-int8")
    shown.wait_for("model", "shallow-fer2013-int8")
    wait_until(lambda: "contempt" not in shown.classes())
    shown.wait_for("emotion", "happy")


def test_its_switch_pauses_the_camera_until_it_resumes(shown: Shown) -> None:
    shown.wait_for("emotion", "happy")
    shown.home.call("switch", "turn_on", shown.id_of("pause"))
    shown.wait_for("pause", "on")
    shown.wait_for("emotion", "unavailable")
    assert shown.state_of("emotion_event") != "unavailable"
    shown.home.call("switch", "turn_off", shown.id_of("pause"))
    shown.wait_for("pause", "off")
    shown.wait_for("emotion", "happy")
