"""Several cameras in one daemon: real streams of the built-in clip, a real broker, a real page."""

import http.client
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from edge.capture.source import iter_frames
from edge.capture.video import VideoSettings
from edge.commands.demo import CLIP
from edge.pipeline.pipeline import Pipeline
from edge.service import cameras as cameras_module
from edge.service.commands import (
    Command,
    CommandError,
    CommandRequest,
    CommandResult,
    GetInfo,
    GetSnapshot,
    Pause,
    Reload,
    SetModel,
    SetThresholds,
)
from edge.service.controller import Controller
from edge.types import CameraState
from tests.brokers import Broker, wait_until
from tests.e2e.daemon import read_events
from tests.edge.cameras import day_from_now
from tests.mjpeg import MjpegServer, serve_mjpeg
from tests.subscribers import Subscriber


def jpegs(path: Path) -> list[bytes]:
    frames = iter_frames(VideoSettings(path, realtime=False).open())
    return [cv2.imencode(".jpg", frame.image)[1].tobytes() for frame in frames]


CLIP_JPEGS = jpegs(CLIP)


class Street:
    """Cameras that are streams, each of its own path, and the daemon that watches them.

    Attributes:
        frozen: paths whose stream stays open and gives nothing more.
        gone: paths that hang up on everybody.
        corrupt: paths that send what is no image.
        crowded: paths before which many faces are.
    """

    def __init__(self, folder: Path, **fields: Any) -> None:
        self.path, self.record = folder / "street.yaml", folder / "events.jsonl"
        self._folder = folder
        self.frozen, self.gone = set[str](), set[str]()
        self.corrupt, self.crowded = set[str](), set[str]()
        self._ended = threading.Event()
        self._fields = fields
        self._server = serve_mjpeg(self._parts, interval_s=1 / 25)
        self.server: MjpegServer = self._server.__enter__()
        self.write("front", "back")
        self.controller = Controller(self.path)

    def write(self, *cameras: str, **own: Any) -> None:
        """Write a config with these cameras; `own` has what one of them sets itself."""
        sources = {
            name: {"source": f"{self.server.address}/{name}", **own.get(name, {})}
            for name in cameras
        }
        config = {
            "sinks": [{"kind": "jsonl", "path": str(self.record)}],
            "state_dir": str(self._folder / "state"),
            **self._fields,
            "cameras": sources,
        }
        self.path.write_bytes(msgspec.json.encode(config))

    def _parts(self, path: str) -> Iterator[bytes]:
        crowd = cv2.imdecode(np.frombuffer(CLIP_JPEGS[0], np.uint8), cv2.IMREAD_COLOR)
        assert crowd is not None
        many = cv2.imencode(".jpg", np.tile(cv2.resize(crowd, None, fx=0.4, fy=0.4), (3, 4, 1)))[1]
        for part in itertools.cycle(CLIP_JPEGS):
            name = path[1:]
            if name in self.gone:
                return
            if name in self.frozen:
                self._ended.wait(60)
            if name in self.corrupt:
                yield part[:200]
            else:
                yield many.tobytes() if name in self.crowded else part

    def close(self) -> None:
        self._ended.set()
        self.controller.cameras.stop()
        self._server.__exit__(None, None, None)

    def until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Do as the main thread does, until the condition holds."""

        def done() -> object:
            self.controller.cameras.tick()
            return condition()

        wait_until(done, seconds)

    def ask(self, command: Command, camera: str = "") -> CommandResult | CommandError:
        answers: list[CommandResult | CommandError] = []
        self.controller.answer(CommandRequest(command, answers.append, camera))
        return answers[0]

    def data(self, command: Command, camera: str = "") -> dict[str, Any]:
        answer = self.ask(command, camera)
        assert isinstance(answer, CommandResult), answer
        return answer.data

    def pipeline(self, name: str) -> Pipeline:
        return self.controller.cameras[name].pipeline

    def state(self, name: str) -> CameraState:
        return self.pipeline(name).status().camera

    def frames(self, name: str) -> int:
        return self.pipeline(name).stats().frames

    def goes_on(self, name: str) -> None:
        """Wait for ten more frames of a camera, and for none of another pipeline of it."""
        pipeline, before = self.pipeline(name), self.frames(name)
        self.until(lambda: self.frames(name) >= before + 10)
        assert self.pipeline(name) is pipeline

    @property
    def events(self) -> list[dict[str, Any]]:
        return read_events(self.record) if self.record.exists() else []

    def seen_by(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("camera") == name]


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    street = Street(tmp_path)
    street.controller.cameras.start()
    street.until(lambda: street.seen_by("front") and street.seen_by("back"))
    yield street
    street.close()


def test_each_event_says_its_camera_and_no_two_faces_have_one_number(street: Street) -> None:
    faces = {name: {one["track_id"] for one in street.seen_by(name)} for name in ("front", "back")}
    assert faces["front"]
    assert faces["back"]
    assert not faces["front"] & faces["back"]
    assert len({event["run"] for event in street.events}) == 1


def test_a_command_changes_the_camera_that_it_names_or_all(street: Street) -> None:
    assert street.data(SetModel("tiny-int8"), "front")["model"] == "tiny-int8"
    assert street.pipeline("back").status().model == "shallow-int8"
    street.data(SetThresholds(min_size=33.0))
    cameras = street.controller.config.cameras.values()
    assert [camera.quality.min_size for camera in cameras] == [33.0, 33.0]
    street.data(SetModel("deep-int8"))
    street.until(lambda: models(street) == {"deep-int8"})


def models(street: Street) -> set[str]:
    return {one["model"] for one in street.data(GetInfo())["cameras"].values()}


def test_a_command_for_a_camera_that_is_not_there_is_refused_with_the_names(street: Street) -> None:
    answer = street.ask(Pause(paused=True), "side")
    assert str(answer) == "expected one of front, back cameras, found 'side'"


def test_a_snapshot_needs_a_camera_that_allows_it(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.write("front", "back", front={"privacy": {"allow_snapshots": True}})
    street.controller.cameras.start()
    street.data(Reload())
    street.until(lambda: isinstance(street.ask(GetSnapshot(), "front"), CommandResult))
    assert "privacy.allow_snapshots" in str(street.ask(GetSnapshot(), "back"))
    assert "one camera: front, back" in str(street.ask(GetSnapshot()))
    street.close()


def test_a_pause_of_one_camera_leaves_the_other_and_outlives_the_daemon(
    street: Street, tmp_path: Path
) -> None:
    street.data(Pause(paused=True), "front")
    assert street.state("front") is CameraState.PAUSED
    street.until(lambda: street.seen_by("front")[-1]["type"] == "end")
    street.goes_on("back")
    after = Controller(street.path)
    states = {name: one.pipeline.status().camera for name, one in after.cameras.items()}
    assert states["front"] is CameraState.PAUSED
    assert states["back"] is not CameraState.PAUSED


def test_a_schedule_is_of_one_camera(street: Street) -> None:
    never = {"active": [f"{day_from_now(3)} 00:00-00:01"]}
    street.write("front", "back", back={"schedule": never})
    street.data(Reload())
    street.until(lambda: street.state("back") is CameraState.PAUSED)
    street.goes_on("front")


def test_a_camera_comes_and_goes_by_reload_and_no_other_is_touched(street: Street) -> None:
    front, opened = street.pipeline("front"), street.server.opened
    components = front.components
    street.write("front", "side")
    street.data(Reload())
    street.until(lambda: street.seen_by("side"))
    street.until(lambda: street.seen_by("back")[-1]["type"] == "end")
    assert list(street.controller.cameras) == ["front", "side"]
    assert (street.pipeline("front"), front.components) == (front, components)
    assert street.server.opened == opened + 1  # that of the new one
    street.goes_on("front")


def test_a_change_of_one_camera_leaves_the_parts_of_the_other(street: Street) -> None:
    components = street.pipeline("back").components
    street.write("front", "back", front={"detector": "haar"})
    street.data(Reload())
    street.until(lambda: street.pipeline("front").status().detector == "haar")
    assert street.pipeline("back").components == components


def test_a_config_that_cannot_work_is_refused_and_no_camera_is_touched(street: Street) -> None:
    parts = {name: street.pipeline(name).components for name in ("front", "back")}
    street.write("front", "back", side={}, front={"classifier": {"model": "absent.tflite"}})
    assert isinstance(street.ask(Reload()), CommandError)
    assert {name: street.pipeline(name).components for name in parts} == parts


def test_from_several_to_one_camera_needs_a_restart(street: Street) -> None:
    street.path.write_text(f"source: {street.server.address}/front\nsinks: []")
    assert "cameras: a change needs a restart" in str(street.ask(Reload()))


@pytest.mark.parametrize("fate", ["gone", "frozen", "corrupt", "crowded"])
def test_what_befalls_one_camera_does_not_disturb_the_other(street: Street, fate: str) -> None:
    getattr(street, fate).add("front")
    if fate == "corrupt":
        street.until(lambda: street.pipeline("front").stats().dropped["damaged_frames"] > 5)
    if fate == "gone":
        street.until(lambda: street.state("front") is CameraState.OFFLINE)
    street.goes_on("back")
    assert street.pipeline("back").stats().dropped["events"] == 0
    assert street.controller.cameras.error is None


def test_a_camera_that_floods_takes_no_event_and_no_place_of_another(street: Street) -> None:
    with serve_mjpeg(lambda _: itertools.cycle(CLIP_JPEGS)) as flood:
        street.write("front", "back", front={"source": f"{flood.address}/front"})
        street.data(Reload())
        street.until(lambda: street.frames("front") > 200)
        street.goes_on("back")
        assert street.pipeline("back").stats().dropped["events"] == 0


def test_a_crowd_before_one_camera_costs_its_own_frames_and_not_those_of_another(
    street: Street,
) -> None:
    street.crowded.add("front")
    street.until(lambda: street.pipeline("front").stats().faces > 50)
    before = {name: street.pipeline(name).stats() for name in ("front", "back")}
    street.until(lambda: street.frames("back") >= before["back"].frames + 50)

    def missed(name: str) -> float:
        after, then = street.pipeline(name).stats(), before[name]
        dropped = sum(after.dropped.values()) - sum(then.dropped.values())
        return dropped / max(1, after.frames - then.frames)

    assert missed("back") <= missed("front") + 0.1  # a busy machine takes from both


def test_a_camera_whose_stage_fails_is_begun_anew_and_the_other_goes_on(
    street: Street, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cameras_module, "RETRY_DELAY_S", 0.2)
    failed, back = street.pipeline("front"), street.pipeline("back")
    broken = failed.components.processing.scheduler
    monkeypatch.setattr(broken, "update", lambda frame: 1 / 0)
    street.until(lambda: street.controller.cameras.get("front") is None)
    assert street.controller.cameras.running
    assert street.controller.cameras.error is None
    street.until(lambda: "front" in street.controller.cameras and street.frames("front") > 5)
    assert "camera front: division by zero; it is begun anew" in caplog.text
    assert street.pipeline("back") is back
    street.goes_on("back")


def test_a_camera_that_hangs_is_given_up_as_offline_and_begun_anew_once_it_lets_go(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, released = threading.Event(), threading.Event()
    hung = street.pipeline("front")

    def hang() -> None:
        entered.set()
        released.wait(60)

    monkeypatch.setattr(hung.source, "read", hang)
    assert entered.wait(20)
    monkeypatch.setattr(cameras_module, "RETRY_DELAY_S", 0.2)
    monkeypatch.setattr(hung, "stalled", lambda: ["capture"])
    street.until(lambda: "front" not in street.controller.cameras)
    street.until(lambda: hung.status().camera is CameraState.OFFLINE)
    street.goes_on("back")
    assert "front" not in street.controller.cameras
    released.set()
    street.until(lambda: "front" in street.controller.cameras and street.frames("front") > 5)


def test_when_every_camera_has_failed_the_daemon_ends_with_the_reason(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("front", "back"):
        scheduler = street.pipeline(name).components.processing.scheduler
        monkeypatch.setattr(scheduler, "update", lambda frame: 1 / 0)
    street.until(lambda: street.controller.cameras.error is not None)
    assert isinstance(street.controller.cameras.error, ZeroDivisionError)


def test_each_camera_has_topics_of_its_own_at_one_broker(tmp_path: Path, broker: Broker) -> None:
    sinks = {"kind": "mqtt", "host": broker.host, "port": broker.port, "device": "test"}
    with Subscriber(broker.host, broker.port) as subscriber:
        street = Street(tmp_path, sinks=[sinks])
        street.controller.cameras.start()
        street.until(lambda: subscriber.payloads("emotiond/test/back/event"))
        (event, *_) = subscriber.payloads("emotiond/test/back/event")
        assert event["camera"] == "back"
        state = subscriber.payloads("emotiond/test/back/state")[-1]
        assert (state["camera_name"], state["camera"]) == ("back", "online")
        assert subscriber.payloads("emotiond/test/availability")[0] == "online"
        assert subscriber.payloads("emotiond/test/event") == []
        for pipeline in street.controller.cameras.pipelines:
            pipeline.publish_stats()
        street.until(lambda: subscriber.payloads("emotiond/test/front/stats"))
        subscriber.publish("emotiond/test/front/set/pause", b"ON")

        def obeyed() -> bool:
            request = street.controller.commands.next(0.0)
            if request is not None:
                street.controller.answer(request)
            return bool(subscriber.payloads("emotiond/test/front/response/pause"))

        street.until(obeyed)
        street.until(
            lambda: subscriber.payloads("emotiond/test/front/state")[-1]["camera"] == "paused"
        )
        assert street.state("back") is CameraState.ONLINE
        street.close()


def test_home_assistant_has_a_device_for_each_camera_below_the_daemons(
    tmp_path: Path, broker: Broker
) -> None:
    sinks = {"kind": "mqtt", "host": broker.host, "port": broker.port, "device": "test"}
    with Subscriber(broker.host, broker.port) as subscriber:
        street = Street(tmp_path, sinks=[sinks])
        street.controller.cameras.start()
        place = "homeassistant/device/emotiond_test{}/config"
        street.until(lambda: subscriber.payloads(place.format("_back")))
        device = subscriber.payloads(place.format("_back"))[0]
        assert device["device"]["via_device"] == "emotiond_test"
        assert device["components"]["pause"]["command_topic"] == "emotiond/test/back/set/pause"
        assert device["availability"][0]["topic"] == "emotiond/test/availability"
        (daemon,) = subscriber.payloads(place.format(""))
        assert daemon["device"]["identifiers"] == ["emotiond_test"]
        street.write("front")
        street.data(Reload())
        for topic in (place.format("_back"), "emotiond/test/back/state"):
            street.until(lambda topic=topic: subscriber.payloads(topic)[-1] == "")  # type: ignore[misc]
        street.close()


class Page:
    """A browser of the daemon's page."""

    def __init__(self, street: Street) -> None:
        web = street.controller.cameras.pipelines[0].components.sinks[-1]
        self._port = int(web.url.rpartition(":")[2])  # type: ignore[attr-defined]

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        connection.request("GET", path)
        response = connection.getresponse()
        found = response.status, response.read()
        connection.close()
        return found


def test_the_page_has_all_cameras_and_each_has_a_page_of_its_own(tmp_path: Path) -> None:
    street = Street(tmp_path, web={"enabled": True, "port": 0})
    street.controller.cameras.start()
    street.until(lambda: street.seen_by("front") and street.seen_by("back"))
    page = Page(street)
    assert b'id="grid"' in page.get("/")[1]
    assert b'id="video"' in page.get("/camera/front/")[1]
    cameras = json.loads(page.get("/api/state")[1])["cameras"]
    assert {name: one["camera"] for name, one in cameras.items()} == {
        "front": "online",
        "back": "online",
    }
    state = json.loads(page.get("/camera/back/api/state")[1])
    assert (state["camera"], state["model"]) == ("online", "shallow-int8")
    assert page.get("/camera/back/snapshot.jpg")[1][:2] == b"\xff\xd8"
    assert page.get("/camera/side/")[0] == 404
    assert page.get("/snapshot.jpg")[0] == 404
    assert page.get("/healthz") == (200, b'{"status":"ok"}')
    metrics = page.get("/metrics")[1].decode()
    assert 'emotiond_camera{camera="front",state="online"} 1.0' in metrics.replace("'", '"')
    street.gone.add("front")
    street.until(lambda: page.get("/healthz") == (503, b'{"status":"camera front offline"}'))
    assert page.get("/camera/back/healthz")[0] == 200
    street.close()


def test_a_blur_of_one_camera_and_its_removal_reach_the_page_at_once(tmp_path: Path) -> None:
    street = Street(tmp_path, web={"enabled": True, "port": 0})
    street.controller.cameras.start()
    street.until(lambda: street.seen_by("front"))
    page = Page(street)
    street.write("front", "back", front={"privacy": {"blur": "frame"}})
    street.data(Reload())
    blur = {
        name: json.loads(page.get(f"/camera/{name}/api/state")[1])["blur"]
        for name in ("front", "back")
    }
    assert blur == {"front": "frame", "back": "none"}
    street.write("back")
    street.data(Reload())
    assert page.get("/camera/front/snapshot.jpg")[0] == 404
    assert page.get("/camera/back/")[0] == 200
    street.close()


BEFORE = {
    "event": "id time type run track_id emotion confidence probabilities reasons quality looking box "
    "frame duration model detector latency_ms",
    "state": "faces emotion confidence probabilities looking camera paused_until model detector",
    "stats": "time uptime camera fps frames detections faces rejected_faces events dropped "
    "frame_latency_ms event_latency_ms cpu memory temperature broker",
}
"""Fields of each topic in their order, before a daemon could have several cameras."""


def test_a_config_with_one_source_has_the_topics_and_fields_of_before(
    tmp_path: Path, broker: Broker
) -> None:
    sinks = {"kind": "mqtt", "host": broker.host, "port": broker.port, "device": "test"}
    with Subscriber(broker.host, broker.port) as subscriber:
        street = Street(tmp_path)
        config = {
            "source": f"{street.server.address}/front",
            "sinks": [sinks],
            "state_dir": str(tmp_path),
        }
        street.path.write_bytes(msgspec.json.encode(config))
        street.controller = Controller(street.path)
        street.controller.cameras.start()
        street.until(lambda: subscriber.payloads("emotiond/test/event"))
        for pipeline in street.controller.cameras.pipelines:
            pipeline.publish_stats()
        street.until(lambda: subscriber.payloads("emotiond/test/stats"))
        street.close()
        subscriber.catch_up()
        topics = {topic for topic, _, _ in subscriber.messages}
        for name, fields in BEFORE.items():
            told = subscriber.payloads(f"emotiond/test/{name}")
            assert {" ".join(one) for one in told} == {fields}
        (announced, *_) = subscriber.payloads("homeassistant/device/emotiond_test/config")
        assert "via_device" not in announced["device"]
        assert topics - {"emotiond/test/log"} == {
            *(f"emotiond/test/{name}" for name in (*BEFORE, "availability")),
            "homeassistant/device/emotiond_test/config",
        }
