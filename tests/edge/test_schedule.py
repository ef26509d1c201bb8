"""Schedules by the clocks on the wall, also on the days when these are put forward or back."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.capture.pausable import PausableSource
from edge.config import parse_config
from edge.errors import ConfigError
from edge.schedule import ScheduleSettings
from edge.service.cameras import PauseController
from tests.edge.cameras import FakeCamera, day_from_now


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as here:
        here.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def minutes_of(schedule: ScheduleSettings, first: str, last: str) -> int:
    """Return how many minutes a schedule is active between two times, in UTC."""
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last))
    count = (end - begin) // timedelta(minutes=1)
    return sum(schedule.is_active(begin + timedelta(minutes=step)) for step in range(count))


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("at", "active"),
    [
        ("2026-11-30T06:59:59+00:00", False),  # a Monday, in winter: 7:59 in Berlin
        ("2026-11-30T07:00:00+00:00", True),
        ("2026-11-30T16:59:59+00:00", True),
        ("2026-11-30T17:00:00+00:00", False),
        ("2026-11-28T09:00:00+00:00", False),  # a Saturday
        ("2026-06-29T06:00:00+00:00", True),  # a Monday, in summer: 8:00
        ("2026-06-29T16:00:00+00:00", False),
    ],
)
def test_a_working_day_follows_the_clocks_on_the_wall(at: str, active: bool) -> None:
    working = ScheduleSettings(("mon-fri 08:00-18:00",))
    assert working.is_active(datetime.fromisoformat(at)) is active


@pytest.mark.usefixtures("in_berlin")
def test_an_hour_that_the_clocks_leave_out_or_repeat_is_so_in_the_schedule() -> None:
    night = ScheduleSettings(("01:00-04:00",))
    assert minutes_of(night, "2026-03-28T12:00", "2026-03-29T12:00") == 120  # put forward
    assert minutes_of(night, "2026-10-24T12:00", "2026-10-25T12:00") == 240  # put back
    assert minutes_of(night, "2026-11-28T12:00", "2026-11-29T12:00") == 180


@pytest.mark.usefixtures("in_berlin")
def test_a_period_may_end_on_the_next_day_and_days_may_pass_the_weekend() -> None:
    schedule = ScheduleSettings(("sun 22:00-02:00",))
    assert minutes_of(schedule, "2026-11-29T12:00", "2026-11-30T12:00") == 240
    assert minutes_of(schedule, "2026-11-28T12:00", "2026-11-29T12:00") == 0
    schedule = ScheduleSettings(("sat-mon,wed 00:00-24:00",))
    assert minutes_of(schedule, "2026-11-29T23:00", "2026-12-06T23:00") == 4 * 1440


@pytest.mark.usefixtures("in_berlin")
def test_the_next_start_is_told_also_over_a_change_of_the_clocks() -> None:
    friday = datetime(2026, 3, 27, 20, 0, 30, tzinfo=UTC)
    working = ScheduleSettings(("mon-fri 08:00-18:00",))
    assert working.next_start(friday) == datetime(2026, 3, 30, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"active": []}, "schedule.active: expected a list of length >= 1"),
        ({"active": ["mon-fri"]}, "not 'mon-fri'"),
        ({"active": ["mon-fry 08:00-18:00"]}, "expected times such as mon-fri 08:00-18:00, not 'mon-fry 08:00-18:00'"),
        ({"active": ["25:00-26:00"]}, "not '25:00-26:00'"),
        ({"active": ["8-18"]}, "not '8-18'"),
        ({"active": ["mon 08:00-08:00"]}, "expected an end after the beginning in 'mon 08:00-08:00'"),
        ({"active": "mon-fri 08:00-18:00"}, "schedule.active: expected a list or nothing"),
    ],
)  # fmt: skip
def test_an_impossible_schedule_is_one_line(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"schedule": fields}, Path("my.yaml"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "mapping" not in str(caught.value)


@pytest.fixture
def source() -> PausableSource:
    return PausableSource(FakeCamera([]), live=True)


def days_from_now(days: int) -> ScheduleSettings:
    """Return a schedule of the whole day that is so many days from today."""
    return ScheduleSettings((f"{day_from_now(days)} 00:00-24:00",))


def test_outside_the_schedule_the_camera_is_not_even_opened_and_nobody_resumes_it(
    source: PausableSource, tmp_path: Path
) -> None:
    controller = PauseController(source, tmp_path, schedule=days_from_now(3))
    assert not source.enabled
    assert source.paused_until is not None
    until = source.paused_until.astimezone().replace(tzinfo=None)
    midnight = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert until == midnight + timedelta(days=3)
    controller.resume()
    assert not source.enabled
    controller.schedule = ScheduleSettings()
    controller.tick()
    assert source.enabled


def test_a_pause_that_was_asked_for_outlasts_the_begin_of_the_schedule(
    source: PausableSource, tmp_path: Path
) -> None:
    controller = PauseController(source, tmp_path, schedule=days_from_now(3))
    controller.pause(None)
    controller.schedule = ScheduleSettings()
    controller.tick()
    assert not source.enabled
    controller.resume()
    assert source.enabled


def test_the_schedule_leaves_no_pause_behind(source: PausableSource, tmp_path: Path) -> None:
    PauseController(source, tmp_path, schedule=days_from_now(3))
    other = PausableSource(FakeCamera([]), live=True)
    PauseController(other, tmp_path)
    assert other.enabled
