import logging
from datetime import datetime
from pathlib import Path

import pytest

from edge.capture.pausable import PausableSource
from edge.service.cameras import FILE, PauseController
from tests.edge.cameras import FakeCamera


@pytest.fixture
def source() -> PausableSource:
    return PausableSource(FakeCamera([]), live=True)


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


FOR_EVER = (True, None)


def next_run(folder: Path) -> tuple[bool, datetime | None]:
    """Return whether another process begins with a pause, and its end."""
    source = PausableSource(FakeCamera([]), live=True)
    PauseController(source, folder)
    return not source.enabled, source.paused_until


@pytest.mark.parametrize("seconds", [None, 3600.0])
def test_a_pause_is_remembered_by_the_next_process(
    source: PausableSource, tmp_path: Path, seconds: float | None
) -> None:
    until = PauseController(source, tmp_path / "new" / "folder").pause(seconds)
    assert next_run(tmp_path / "new" / "folder") == (True, until)


def test_nothing_is_paused_at_first_and_after_it_was_resumed(
    source: PausableSource, tmp_path: Path
) -> None:
    controller = PauseController(source, tmp_path)
    assert source.enabled
    controller.pause(None)
    controller.resume()
    assert not next_run(tmp_path)[0]


def test_a_pause_that_ended_while_nothing_ran_is_over(
    source: PausableSource, tmp_path: Path
) -> None:
    PauseController(source, tmp_path).pause(0.0)
    assert not next_run(tmp_path)[0]
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"until": 3}', b'{"unto": null}'])
def test_a_pause_that_cannot_be_read_lasts_until_told(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert next_run(tmp_path) == FOR_EVER
    assert "paused until told to resume" in caplog.text


def test_a_disk_that_refuses_is_told_of_and_the_pause_holds(
    source: PausableSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").write_text("is a file")
    controller = PauseController(source, tmp_path / "folder")
    controller.pause(None)
    assert not source.enabled
    assert "will not outlive a restart" in caplog.text


def test_a_timed_pause_is_over_when_its_time_has_run_out_on_the_monotonic_clock(
    source: PausableSource, tmp_path: Path
) -> None:
    clock = Clock()
    controller = PauseController(source, tmp_path, clock)
    controller.pause(60)
    assert source.paused_until is not None
    clock.now += 59
    controller.tick()
    assert not source.enabled
    clock.now += 2
    controller.tick()
    assert source.enabled


def test_a_pause_without_end_takes_the_place_of_a_timed_one(
    source: PausableSource, tmp_path: Path
) -> None:
    clock = Clock()
    controller = PauseController(source, tmp_path, clock)
    controller.pause(60)
    controller.pause(None)
    clock.now += 1e9
    controller.tick()
    assert not source.enabled


def test_a_pause_of_the_run_before_holds_from_the_start(
    source: PausableSource, tmp_path: Path
) -> None:
    until = PauseController(PausableSource(FakeCamera([]), live=True), tmp_path).pause(3600)
    PauseController(source, tmp_path)
    assert not source.enabled
    assert source.paused_until == until


def test_a_pause_moves_with_the_folder_that_keeps_it(
    source: PausableSource, tmp_path: Path
) -> None:
    controller = PauseController(source, tmp_path / "old")
    controller.pause(None)
    controller.move(tmp_path / "new")
    assert not next_run(tmp_path / "old")[0]
    assert next_run(tmp_path / "new") == FOR_EVER


def test_a_change_is_told_once(
    source: PausableSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    controller = PauseController(source, tmp_path)
    controller.resume()
    controller.pause(None)
    controller.resume()
    controller.resume()
    assert [record.message for record in caplog.records] == [
        "paused until told to resume",
        "resumed",
    ]
