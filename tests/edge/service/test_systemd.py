"""What systemd's socket hears, while a real pipeline fares as a test wants."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.pipeline import pipeline as module
from edge.service.notifier import SystemdNotifier
from edge.service.systemd import SystemdReporter
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
def herald(systemd: Supervisor) -> SystemdReporter:
    return SystemdReporter(SystemdNotifier(systemd.address))


class Shutter:
    """Holds a camera's frames back until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.open = self._open.set

    def __call__(self) -> None:
        self._open.wait(20)


def telling(
    herald: SystemdReporter, pipeline: module.Pipeline, condition: Callable[[], bool]
) -> None:
    """Tell as the main loop does, until the condition holds."""

    def told() -> bool:
        herald.tell(pipeline)
        return condition()

    wait_until(told)


def test_readiness_is_told_once_and_only_after_the_first_frame_came_through(
    clip: list[Image], systemd: Supervisor, herald: SystemdReporter
) -> None:
    shutter = Shutter()
    pipeline = build(FakeCamera(clip[:5], wait=shutter), KeepingSink(), live=True)
    pipeline.start()
    herald.tell(pipeline)
    assert herald.waits
    assert "READY=1" not in systemd.listen()
    shutter.open()
    telling(herald, pipeline, lambda: "READY=1" in systemd.listen())
    assert not herald.waits
    herald.tell(pipeline)
    assert systemd.listen().count("READY=1") == 1
    assert pipeline.stop()


def test_a_camera_that_is_known_to_be_away_does_not_hold_readiness_up(
    systemd: Supervisor, herald: SystemdReporter
) -> None:
    shutter = Shutter()
    camera = FakeCamera([], wait=shutter)
    camera.online = False
    pipeline = build(camera, KeepingSink(), live=True)
    pipeline.start()
    herald.tell(pipeline)
    assert systemd.listen()[:2] == ["STATUS=camera offline; 0 fps", "READY=1"]
    shutter.open()
    assert pipeline.stop()


def test_the_watchdog_is_fed_until_a_stage_hangs_and_the_log_says_so_once(
    clip: list[Image],
    systemd: Supervisor,
    herald: SystemdReporter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "STALLED", 0.5)
    shutter = Shutter()
    pipeline = build(FakeCamera(clip[:5], wait=shutter), KeepingSink(), live=True)
    pipeline.start()
    herald.tell(pipeline)
    assert "WATCHDOG=1" in systemd.listen()
    wait_until(lambda: pipeline.stalled() == ["capture"])
    systemd.listen().clear()
    herald.tell(pipeline)
    herald.tell(pipeline)
    assert "WATCHDOG=1" not in systemd.listen()
    assert caplog.text.count("nothing comes from capture") == 1
    shutter.open()
    assert pipeline.stop()


def test_the_status_says_how_camera_and_sinks_are_and_again_only_when_that_changes(
    clip: list[Image], systemd: Supervisor, herald: SystemdReporter
) -> None:
    sink, shutter = KeepingSink(), Shutter()
    sink.status_text = "broker b:1"
    pipeline = build(FakeCamera(clip[:5], wait=shutter), sink, live=True)
    pipeline.start()
    for condition in ("broker b:1", "broker b:1", "broker b:1 away, 3 events wait"):
        sink.status_text = condition
        herald.tell(pipeline)
    assert [text for text in systemd.listen() if text.startswith("STATUS=")] == [
        "STATUS=camera online; broker b:1; 0 fps",
        "STATUS=camera online; broker b:1 away, 3 events wait; 0 fps",
    ]
    shutter.open()
    assert pipeline.stop()


def test_a_reload_is_told_with_a_stamp_and_ends_with_readiness_once_all_is_in_force(
    clip: list[Image], systemd: Supervisor, herald: SystemdReporter
) -> None:
    camera = FakeCamera([clip[4]] * 100_000, wait=lambda: time.sleep(0.01))
    pipeline = build(camera, KeepingSink(), live=True)
    pipeline.start()
    telling(herald, pipeline, lambda: "READY=1" in systemd.listen())
    systemd.listen().clear()
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        release.wait(20)

    pipeline._stages[3].ask(hold)
    wait_until(held.is_set)
    herald.begin_reload()
    herald.tell(pipeline)
    assert systemd.listen()[0].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert "READY=1" not in systemd.listen()
    release.set()
    telling(herald, pipeline, lambda: "READY=1" in systemd.listen())
    assert pipeline.stop()
