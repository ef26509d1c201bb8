"""What systemd's socket hears, while a real pipeline fares as a test wants."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.pipeline import pipeline as module
from edge.service.daemon import SystemdReporter
from edge.types import Image
from tests.brokers import wait_until
from tests.edge.cameras import FakeCamera, KeepingSink
from tests.edge.pipelines import build
from tests.supervisor import Supervisor


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "notify") as systemd:
        yield systemd


@pytest.fixture
def reporter(systemd: Supervisor) -> SystemdReporter:
    return SystemdReporter(systemd.address)


class Shutter:
    """Holds a camera's frames back until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.open = self._open.set

    def __call__(self) -> None:
        self._open.wait(20)


def telling(
    reporter: SystemdReporter, pipeline: module.Pipeline, condition: Callable[[], bool]
) -> None:
    """Tell as the main loop does, until the condition holds."""

    def told() -> bool:
        reporter.update(pipeline)
        return condition()

    wait_until(told)


def test_readiness_is_told_once_and_only_after_the_first_frame_came_through(
    clip: list[Image], systemd: Supervisor, reporter: SystemdReporter
) -> None:
    shutter = Shutter()
    pipeline = build(FakeCamera(clip[:5], wait=shutter), KeepingSink(), live=True)
    pipeline.start()
    reporter.update(pipeline)
    assert reporter.not_ready
    assert "READY=1" not in systemd.listen()
    shutter.open()
    telling(reporter, pipeline, lambda: "READY=1" in systemd.listen())
    assert not reporter.not_ready
    reporter.update(pipeline)
    assert systemd.listen().count("READY=1") == 1
    assert pipeline.stop()


def test_a_camera_that_is_known_to_be_away_does_not_hold_readiness_up(
    systemd: Supervisor, reporter: SystemdReporter
) -> None:
    shutter = Shutter()
    camera = FakeCamera([], wait=shutter)
    camera.online = False
    pipeline = build(camera, KeepingSink(), live=True)
    pipeline.start()
    reporter.update(pipeline)
    assert systemd.listen()[:2] == ["STATUS=camera offline; 0 fps", "READY=1"]
    shutter.open()
    assert pipeline.stop()


def test_the_watchdog_is_fed_until_a_stage_hangs_and_the_log_says_so_once(
    clip: list[Image],
    systemd: Supervisor,
    reporter: SystemdReporter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "STALL_TIMEOUT", 0.5)
    shutter = Shutter()
    pipeline = build(FakeCamera(clip[:5], wait=shutter), KeepingSink(), live=True)
    pipeline.start()
    reporter.update(pipeline)
    assert "WATCHDOG=1" in systemd.listen()
    wait_until(lambda: pipeline.stalled() == ["capture"])
    systemd.listen().clear()
    reporter.update(pipeline)
    reporter.update(pipeline)
    assert "WATCHDOG=1" not in systemd.listen()
    assert caplog.text.count("nothing comes from capture") == 1
    shutter.open()
    assert pipeline.stop()


def test_the_status_says_how_camera_and_sinks_are_and_again_only_when_that_changes(
    clip: list[Image], systemd: Supervisor, reporter: SystemdReporter
) -> None:
    sink, shutter = KeepingSink(), Shutter()
    sink.status_text = "broker b:1"
    pipeline = build(FakeCamera(clip[:5], wait=shutter), sink, live=True)
    pipeline.start()
    for condition in ("broker b:1", "broker b:1", "broker b:1 away, 3 events wait"):
        sink.status_text = condition
        reporter.update(pipeline)
    assert [text for text in systemd.listen() if text.startswith("STATUS=")] == [
        "STATUS=camera online; broker b:1; 0 fps",
        "STATUS=camera online; broker b:1 away, 3 events wait; 0 fps",
    ]
    shutter.open()
    assert pipeline.stop()


def test_a_reload_is_told_with_a_stamp_and_ends_with_readiness_once_all_is_in_force(
    clip: list[Image], systemd: Supervisor, reporter: SystemdReporter
) -> None:
    camera = FakeCamera([clip[4]] * 100_000, wait=lambda: time.sleep(0.01))
    pipeline = build(camera, KeepingSink(), live=True)
    pipeline.start()
    telling(reporter, pipeline, lambda: "READY=1" in systemd.listen())
    systemd.listen().clear()
    held, release = threading.Event(), threading.Event()

    class Slow(KeepingSink):
        def start(self) -> None:
            held.set()
            release.wait(20)

    pipeline.reconfigure(replace(pipeline.components, sinks=(Slow(),)))
    wait_until(held.is_set)
    reporter.begin_reload()
    reporter.update(pipeline)
    assert systemd.listen()[0].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert "READY=1" not in systemd.listen()
    release.set()
    telling(reporter, pipeline, lambda: "READY=1" in systemd.listen())
    assert pipeline.stop()


# The messages themselves.


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_each_message_on_its_socket(tmp_path: Path, abstract: bool) -> None:
    address = f"@emotiond-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + address[1:] if abstract else address)
        systemd.settimeout(5)
        reporter = SystemdReporter(address)
        messages = ["READY=1", "STATUS=all is well", "WATCHDOG=1", "STOPPING=1"]
        for message in messages:
            reporter.send(message)
        received = [systemd.recv(100).decode() for _ in range(4)]
    assert received == messages


def test_a_reload_carries_the_moment_at_which_it_began(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        SystemdReporter(str(tmp_path / "notify")).begin_reload()
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        first, second = systemd.recv(100).decode().splitlines()
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= after


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    opened = list[object]()
    monkeypatch.setattr(socket, "socket", lambda *kind: opened.append(kind))
    reporter = SystemdReporter()
    reporter.send("READY=1")
    assert opened == []


def test_a_socket_that_is_gone_does_not_end_the_service(tmp_path: Path) -> None:
    SystemdReporter(str(tmp_path / "gone")).send("WATCHDOG=1")
