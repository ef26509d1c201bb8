"""The daemon as a process, on real films, pictures, streams and brokers."""

import shutil
import time
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from tests.brokers import Broker, wait_until
from tests.e2e.daemon import Daemon, mqtt, read_events
from tests.edge.infer.models import copy_model
from tests.proxy import Proxy
from tests.subscribers import Subscriber

EVENTS = "emotiond/test/event"


def film(path: Path = CLIP, realtime: bool = False) -> dict[str, Any]:
    return {"kind": "video", "path": str(path), "realtime": realtime}


def test_a_film_becomes_events_stats_and_a_clean_end(tmp_path: Path, broker: Broker) -> None:
    with Subscriber(broker.host, broker.port) as subscriber:
        with Daemon(tmp_path, {"source": film(), "sinks": [mqtt(broker.port)]}) as daemon:
            assert daemon.wait() == 0
        wait_until(lambda: subscriber.payloads("emotiond/test/availability")[-1:] == ["offline"])
        events = subscriber.payloads(EVENTS)
        (stats,) = subscriber.payloads("emotiond/test/stats")[-1:]
        (state,) = subscriber.payloads("emotiond/test/state")[-1:]
    assert [event["type"] for event in (events[0], events[-1])] == ["start", "end"]
    assert {event["track_id"] for event in events} == {1}
    assert [event["emotion"] for event in events[:3]] == ["neutral", "happy", "surprise"]
    assert stats["frames"] == 475
    assert set(stats["dropped"].values()) == {0}
    assert stats["events"] == len(events)
    assert state["faces"] == 0
    assert "475 frames" in daemon.log


def test_killing_and_restarting_the_broker_loses_no_event(tmp_path: Path, broker: Broker) -> None:
    record = tmp_path / "events.jsonl"
    with Proxy(broker.port) as network:
        sinks = [mqtt(network.port), {"kind": "jsonl", "path": str(record)}]
        with Daemon(tmp_path, {"source": film(realtime=True), "sinks": sinks}) as daemon:
            with Subscriber(broker.host, broker.port) as subscriber:
                wait_until(lambda: subscriber.payloads(EVENTS))
                before = [event["id"] for event in subscriber.payloads(EVENTS)]
                broker.kill()
            network.cut()
            daemon.wait_for("connection lost")
            wait_until(lambda: len(read_events(record)) >= len(before) + 3, seconds=30)
            broker.start()
            with Subscriber(broker.host, broker.port) as subscriber:
                network.open()
                assert daemon.wait() == 0
                recorded = [event["id"] for event in read_events(record)]
                wait_until(lambda: subscriber.payloads(EVENTS)[-1]["id"] == recorded[-1])
                after = [event["id"] for event in subscriber.payloads(EVENTS)]
    assert before + after == recorded
    assert daemon.log.count("connection lost") == 1
    assert daemon.log.count(": connected") == 2


def test_a_live_stream_is_followed_through_its_absence_and_stopped_cleanly(
    tmp_path: Path, broker: Broker
) -> None:
    with LiveStream(CLIP, fps=25) as stream:
        config = {
            "source": {"kind": "stream", "url": stream.url},
            "sinks": [mqtt(broker.port)],
        }
        port = int(stream.url.rsplit(":", 1)[1].split("/")[0])
        with (
            Subscriber(broker.host, broker.port) as subscriber,
            Daemon(tmp_path, config) as daemon,
        ):
            wait_until(lambda: subscriber.payloads(EVENTS))
            stream.close()
            daemon.wait_for("trying again until it is back")
            # Nobody can say that the face is still there, so it is not.
            wait_until(lambda: subscriber.payloads("emotiond/test/state")[-1]["faces"] == 0)
            with LiveStream(CLIP, fps=25, port=port):
                wait_until(lambda: daemon.log.count("frames are coming") == 2, seconds=40)
                assert daemon.stop() == 0
            wait_until(lambda: subscriber.payloads(EVENTS)[-1]["type"] == "end")
            assert subscriber.payloads("emotiond/test/availability") == ["online", "offline"]
    assert daemon.log.count("trying again until it is back") == 1


def test_without_camera_and_broker_it_runs_on_and_says_so_once(tmp_path: Path) -> None:
    camera = {"kind": "camera", "device": 63}
    config = {"source": camera, "detector": {"kind": "haar"}, "sinks": [mqtt(free_port())]}
    with Daemon(tmp_path, config) as daemon:
        daemon.wait_for("cannot be reached")
        daemon.wait_for("camera 63: cannot be opened")
        time.sleep(4)
        assert daemon.stop() == 0
    assert daemon.log.count("cannot be opened") == 1
    assert daemon.log.count("cannot be reached") == 1
    assert "ended; 0.0 fps in" in daemon.log
    assert "started within" in daemon.log
    assert len(daemon.log.splitlines()) == 4


def test_events_that_reach_no_broker_wait_for_the_next_run(tmp_path: Path, broker: Broker) -> None:
    record = tmp_path / "events.jsonl"
    broker.kill()
    sinks = [mqtt(broker.port), mqtt(free_port()), {"kind": "jsonl", "path": str(record)}]
    with Daemon(tmp_path, {"source": film(), "sinks": sinks}) as daemon:
        assert daemon.wait() == 0
    events = [event["id"] for event in read_events(record)]
    assert len(events) >= 2
    assert daemon.log.count(f": {len(events)} events wait for the next run") == 2
    assert "dropped frames=0 damaged_frames=0 tracked_frames=0 events=0" in daemon.log
    nothing = {"kind": "images", "path": str(tmp_path / "no-images")}
    broker.start()
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        Daemon(tmp_path, {"source": nothing, "sinks": [mqtt(broker.port)]}) as daemon,
    ):
        wait_until(lambda: len(subscriber.payloads(EVENTS)) == len(events))
        daemon.wait()
        assert [event["id"] for event in subscriber.payloads(EVENTS)] == events


def test_a_film_cut_short_is_exit_code_1_and_what_there_was_is_told(tmp_path: Path) -> None:
    cut, record = tmp_path / "cut.mp4", tmp_path / "events.jsonl"
    shutil.copy(CLIP, cut)
    with cut.open("r+b") as file:
        file.truncate(CLIP.stat().st_size - 20_000)
    sinks = [{"kind": "jsonl", "path": str(record)}]
    with Daemon(tmp_path, {"source": film(cut), "sinks": sinks}) as daemon:
        assert daemon.wait() == 1
    assert "cut.mp4: " in daemon.log
    assert "Traceback" not in daemon.log


def test_one_bad_picture_is_exit_code_1_and_the_others_are_told(
    tmp_path: Path, clip: list[Any]
) -> None:
    pictures, record = tmp_path / "pictures", tmp_path / "events.jsonl"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "a.png"), clip[4])
    (pictures / "b.png").write_text("no picture")
    cv2.imwrite(str(pictures / "c.png"), clip[4])
    config = {
        "source": {"kind": "images", "path": str(pictures)},
        "sinks": [{"kind": "jsonl", "path": str(record)}],
    }
    with Daemon(tmp_path, config) as daemon:
        assert daemon.wait() == 1
    assert "b.png: is not an image that can be read" in daemon.log
    starts = [event for event in read_events(record) if event["type"] == "start"]
    assert [event["emotion"] for event in starts] == ["happy", "happy"]


@pytest.mark.parametrize("config", [{"sauce": 1}, {"classifier": {"model": "gone.tflite"}}])
def test_a_config_or_model_that_cannot_work_is_exit_code_78_and_one_line(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    with Daemon(tmp_path, config) as daemon:
        assert daemon.wait() == 78
    assert len(daemon.log.splitlines()) == 1


def test_a_damaged_model_is_exit_code_78_with_both_hashes(tmp_path: Path) -> None:
    model = copy_model(tmp_path)
    with model.open("ab") as file:
        file.write(b"x")
    with Daemon(tmp_path, {"classifier": {"model": str(model)}}) as daemon:
        assert daemon.wait() == 78
    assert "expected sha256" in daemon.log


@pytest.mark.parametrize("sinks", [None, "mqtt://127.0.0.1:9"])
def test_who_has_no_broker_and_configured_none_is_told_once_how_to_look(
    tmp_path: Path, sinks: str | None
) -> None:
    config = {"source": film()} | ({"sinks": sinks} if sinks else {})
    with Daemon(tmp_path, config) as daemon:
        assert daemon.wait() == 0
    (line,) = (one for one in daemon.log.splitlines() if "cannot be reached" in one)
    assert ("add `--no-mqtt`" in line) == (sinks is None)
    assert ("WARNING" in line) == (sinks is not None)
