"""A camera that gives frames and sees nothing: one image for ever, or a black one."""

import http.client
import logging
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.camera import CameraSettings
from edge.capture.pausable import PausableSource
from edge.capture.reconnect import ReconnectingSource
from edge.capture.source import LiveSettings
from edge.commands.embedded_broker import free_port
from edge.types import CameraState, Frame, Image
from tests.brokers import Broker, wait_until
from tests.e2e.daemon import Daemon, mqtt
from tests.events import frame
from tests.faults import fault
from tests.mjpeg import serve_mjpeg
from tests.subscribers import Subscriber

RANDOM = np.random.default_rng(7)


class Eye:
    """A camera whose images a function makes, two a second by a clock of its own."""

    online = True

    def __init__(self) -> None:
        self.now = 0.0
        self.make: Callable[[], Image] = lambda: SCENE
        self.lost = False

    def read(self) -> Frame:
        self.now += 0.5
        return frame(self.now, image=self.make())

    def skip(self) -> None:
        self.read()

    def close(self) -> None:
        pass


SCENE: Image = np.asarray(
    cv2.GaussianBlur(RANDOM.integers(0, 255, (96, 128, 3), np.uint8), (15, 15), 0), np.uint8
)


def noisy(scene: Image, deviation: float) -> Image:
    """Return a scene with a sensor's noise, after a camera's JPEG."""
    noise = RANDOM.normal(0, deviation, scene.shape)
    image = (scene + noise).clip(0, 255).astype(np.uint8)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


@pytest.fixture
def eye() -> Eye:
    return Eye()


def watch(eye: Eye, seconds: float, limit: float = 60.0) -> list[CameraState]:
    """Watch for so long; return the states that came one after the other."""
    source = ReconnectingSource(
        "camera 0", lambda: eye, lambda: eye.now, settings=LiveSettings(blind_after_s=limit)
    )
    pausable = PausableSource(source, live=True)
    states: list[CameraState] = []
    until = eye.now + seconds
    while eye.now < until:
        pausable.read()
        if states[-1:] != [pausable.state]:
            states.append(pausable.state)
    return states


def then(eye: Eye, at: float, make: Callable[[], Image]) -> None:
    """Show something else from a moment on."""
    before = eye.make
    eye.make = lambda: make() if eye.now > at else before()


@fault(
    "camera",
    "gives the same image for ever",
    seen="`camera: frozen` after a minute, one line",
    recovery="another image",
    lost="frames of the meantime",
)
def test_the_same_image_for_ever_is_frozen_until_another_comes(
    eye: Eye, caplog: pytest.LogCaptureFixture
) -> None:
    then(eye, 200, lambda: noisy(SCENE, 2))
    with caplog.at_level(logging.INFO, "edge.capture"):
        states = watch(eye, 300)
    assert states == [CameraState.ONLINE, CameraState.FROZEN, CameraState.ONLINE]
    told = [record.getMessage() for record in caplog.records if "frozen" in record.getMessage()]
    assert [line.partition(";")[0] for line in told] == [
        "camera 0: frozen: the image has been the same for 60 s",
        "camera 0: no longer frozen",
    ]


def test_a_still_scene_with_the_noise_of_a_sensor_is_not_frozen(eye: Eye) -> None:
    eye.make = lambda: noisy(SCENE, 0.7)
    assert watch(eye, 200) == [CameraState.ONLINE]


@fault(
    "camera",
    "is covered, or gives black",
    seen="`camera: dark` after a minute, one line",
    recovery="it is uncovered",
    lost="frames of the meantime",
)
def test_a_covered_lens_is_dark_for_all_its_noise_until_it_is_uncovered(
    eye: Eye, caplog: pytest.LogCaptureFixture
) -> None:
    covered = np.full_like(SCENE, 12)
    eye.make = lambda: noisy(covered, 15)
    then(eye, 200, lambda: noisy(SCENE, 2))
    with caplog.at_level(logging.INFO, "edge.capture"):
        states = watch(eye, 300)
    assert states == [CameraState.ONLINE, CameraState.DARK, CameraState.ONLINE]
    assert len([one for one in caplog.records if "dark" in one.getMessage()]) == 2


def test_a_black_image_for_ever_is_dark_rather_than_frozen(eye: Eye) -> None:
    eye.make = lambda: np.zeros_like(SCENE)
    assert watch(eye, 100) == [CameraState.ONLINE, CameraState.DARK]


def test_a_lamp_in_a_dark_room_is_seen(eye: Eye) -> None:
    room = np.full_like(SCENE, 10)
    room[20:50, 20:50] = 200
    eye.make = lambda: noisy(room, 5)
    assert watch(eye, 200) == [CameraState.ONLINE]


def test_dusk_does_not_flap(eye: Eye) -> None:
    dusk = np.full_like(SCENE, 38)
    eye.make = lambda: noisy(dusk + np.uint8(4 * (int(eye.now) % 70 > 65)), 2)
    assert watch(eye, 400) == [CameraState.ONLINE, CameraState.DARK]


def test_a_limit_of_zero_is_never(eye: Eye) -> None:
    assert watch(eye, 1000, limit=0.0) == [CameraState.ONLINE]


def test_a_look_costs_a_few_microseconds_a_frame(eye: Eye) -> None:
    image = np.ascontiguousarray(np.repeat(np.repeat(SCENE, 5, axis=0), 5, axis=1))
    eye.make = lambda: image

    def cost(limit: float) -> float:
        source = ReconnectingSource(
            "camera", lambda: eye, lambda: eye.now, settings=LiveSettings(blind_after_s=limit)
        )
        started = time.thread_time()
        for _ in range(2000):
            source.read()
        return (time.thread_time() - started) / 2000

    cost(60.0)
    # Every other of these frames is looked at, of 30 a second it is every thirtieth.
    assert min(cost(60.0) for _ in range(3)) - min(cost(0.0) for _ in range(3)) < 100e-6


def test_a_minute_is_the_default_and_any_live_source_has_the_setting() -> None:
    assert CameraSettings().blind_after_s == 60.0


def jpeg(image: Image) -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


@pytest.fixture
def shown() -> list[bytes]:
    """What the camera gives at the moment."""
    return [jpeg(SCENE)]


@pytest.fixture
def camera(shown: list[bytes]) -> Iterator[str]:
    with serve_mjpeg(lambda _: (shown[0] for _ in count()), 0.05) as server:
        yield server.address


def test_a_daemon_tells_of_it_everywhere(
    camera: str, shown: list[bytes], broker: Broker, tmp_path: Path
) -> None:
    pytest.importorskip("uvicorn", reason="the page needs the extra `web`")
    port = free_port()

    def get(path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    config = {
        "source": {"kind": "stream", "url": camera, "blind_after_s": 1.5},
        "sinks": [mqtt(broker.port)],
        "web": {"enabled": True, "port": port},
    }
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        Daemon(tmp_path, config) as daemon,
    ):

        def wait_for(camera: str) -> None:
            def last() -> str | None:
                states = subscriber.payloads("emotiond/test/state")
                return states[-1]["camera"] if states else None

            wait_until(lambda: last() == camera, 40)

        wait_for("frozen")
        assert get("/healthz") == (503, '{"status":"camera frozen"}')
        assert 'emotiond_camera{state="frozen"} 1.0' in get("/metrics")[1]
        shown[0] = jpeg(np.zeros_like(SCENE))
        wait_for("online")
        wait_for("dark")
        assert get("/healthz") == (503, '{"status":"camera dark"}')
        name = f"stream {camera}: "
        assert daemon.log.count(f"{name}frozen: the image has been the same for 1.5 s") == 1
        assert daemon.log.count(f"{name}no longer frozen") == 1
        assert daemon.log.count(f"{name}dark: ") == 1
