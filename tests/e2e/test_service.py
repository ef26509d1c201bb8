"""The daemon as systemd runs it: the notification socket, signals, the journal."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from tests.brokers import Broker, wait_until
from tests.e2e.daemon import Daemon, mqtt, read_events
from tests.subscribers import Subscriber
from tests.supervisor import Supervisor


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "notify") as supervisor:
        yield supervisor


@pytest.fixture(scope="module")
def stream() -> Iterator[LiveStream]:
    with LiveStream(CLIP, fps=25) as running:
        yield running


def watching(stream: LiveStream, *sinks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"source": {"kind": "stream", "url": stream.url}, "sinks": list(sinks), **fields}


def test_systemd_hears_ready_status_watchdog_and_stopping(
    tmp_path: Path, stream: LiveStream, supervisor: Supervisor
) -> None:
    config = watching(stream, mqtt(port := free_port()))
    with Daemon(tmp_path, config, supervisor.environment) as daemon:
        supervisor.hear("READY=1")
        supervisor.hear("WATCHDOG=1")
        supervisor.hear(f"STATUS=camera online; broker 127.0.0.1:{port} away, ")
        assert daemon.stop() == 0
        supervisor.hear("STOPPING=1")


def test_a_single_picture_is_over_in_no_time_and_was_ready_all_the_same(
    tmp_path: Path, clip: list[Any], supervisor: Supervisor
) -> None:
    picture = tmp_path / "face.png"
    cv2.imwrite(str(picture), clip[4])
    config = {"source": {"kind": "images", "path": str(picture)}, "sinks": []}
    with Daemon(tmp_path, config, supervisor.environment) as daemon:
        supervisor.hear("STOPPING=1")
        assert daemon.wait() == 0
    assert "READY=1" in supervisor.heard


def test_sighup_reads_the_config_again_and_tells_systemd_when_it_is_in_force(
    tmp_path: Path, stream: LiveStream, broker: Broker, supervisor: Supervisor
) -> None:
    record = {"kind": "jsonl", "path": str(tmp_path / "events.jsonl")}
    config = watching(stream, mqtt(broker.port))
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        Daemon(tmp_path, config, supervisor.environment) as daemon,
    ):
        supervisor.hear("READY=1")
        changed = watching(stream, mqtt(broker.port), record, classifier={"model": "tiny-int8"})
        daemon.write(changed)
        daemon.signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in supervisor.hear("RELOADING=1")
        supervisor.hear("READY=1")
        wait_until(lambda: read_events(tmp_path / "events.jsonl"))
        wait_until(lambda: subscriber.payloads("emotiond/test/state")[-1]["model"] == "tiny-int8")
        assert daemon.stop() == 0
        assert "read again; changed: classifier, sinks\n" in daemon.log
        # The broker's sink is the same: it never said goodbye before the end.
        wait_until(lambda: "offline" in subscriber.payloads("emotiond/test/availability"))
        assert subscriber.payloads("emotiond/test/availability") == ["online", "offline"]


def test_sighup_with_a_bad_config_is_refused_with_its_error_and_all_goes_on(
    tmp_path: Path, stream: LiveStream, supervisor: Supervisor
) -> None:
    record = tmp_path / "events.jsonl"
    config = watching(stream, {"kind": "jsonl", "path": str(record)})
    with Daemon(tmp_path, config, supervisor.environment) as daemon:
        supervisor.hear("READY=1")
        daemon.path.write_text("smoothing: {hold_s: long}")
        daemon.signal(signal.SIGHUP)
        supervisor.hear("RELOADING=1")
        supervisor.hear("READY=1")
        told = len(read_events(record))
        wait_until(lambda: len(read_events(record)) > told, seconds=30)
        assert daemon.stop() == 0
    assert "smoothing.hold_s: expected a number" in daemon.log
    assert "ERROR" in daemon.log
    assert "Traceback" not in daemon.log


def test_two_sighups_at_once_do_no_harm(
    tmp_path: Path, stream: LiveStream, supervisor: Supervisor
) -> None:
    with (
        LiveStream(CLIP, fps=25) as other,
        Daemon(tmp_path, watching(stream), supervisor.environment) as daemon,
    ):
        supervisor.hear("READY=1")
        for camera in (other, stream, other):
            daemon.write(watching(camera))
            daemon.signal(signal.SIGHUP)
        supervisor.hear("RELOADING=1")
        supervisor.hear("READY=1")
        wait_until(lambda: daemon.log.count("frames are coming") >= 2)
        assert daemon.stop() == 0


def test_no_secret_stands_in_the_log_whatever_goes_wrong(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2")
    broker = {**mqtt(free_port()), "user": "hunter1", "password": {"file": str(secret)}}
    url = f"http://hunter3:hunter4@127.0.0.1:{free_port()}/live?token=hunter5"
    config = {"source": {"kind": "stream", "url": url}, "sinks": [broker]}
    with Daemon(tmp_path, config) as daemon:
        daemon.wait_for("cannot be reached")
        daemon.wait_for("nothing listens there")
        daemon.write({**config, "sinks": [{**broker, "password": {"file": "/gone"}}]})
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("/gone")
        daemon.write({**config, "sauce": "hunter6"})
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("sauce")
        assert daemon.stop() == 0
    assert "hunter" not in daemon.log
