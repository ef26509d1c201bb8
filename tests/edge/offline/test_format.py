import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.offline.format import clock, day, lasting, marks, zone

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()


@pytest.fixture(params=["UTC", "Asia/Kolkata", "America/New_York"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the report is made."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_a_moment_is_told_in_the_time_of_here(place: str) -> None:
    told = {
        "UTC": ("12:00:00", "UTC"),
        "Asia/Kolkata": ("17:30:00", "IST"),
        "America/New_York": ("07:00:00", "EST"),
    }
    assert (clock(NOON, film=False), zone(NOON)) == told[place]
    assert day(NOON) == "2026-11-20"


def test_a_place_in_a_film_is_told_from_its_beginning() -> None:
    assert [clock(one, film=True) for one in (0.0, 61.4, 3723.0)] == [
        "0:00:00",
        "0:01:01",
        "1:02:03",
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0.0 s"),
        (59.9, "59.9 s"),
        (59.97, "1 min 00 s"),
        (119.6, "2 min 00 s"),
        (60.0, "1 min 00 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (3725, "1 h 02 min"),
    ],
)
def test_how_long_something_lasted_is_told_in_few_words(seconds: float, told: str) -> None:
    assert lasting(seconds) == told


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "seconds", [1.0, 17.0, 90.0, 3600.0, 36_000.0, 86_400.0 * 3, 86_400.0 * 400]
)
@pytest.mark.parametrize("film", [True, False])
def test_marks_are_few_round_and_within(seconds: float, film: bool) -> None:
    start = 3.0 if film else NOON + 3.0
    found = marks(start, start + seconds, 8, film)
    assert 1 <= len(found) <= 8
    assert all(start <= mark <= start + seconds for mark in found)
    steps = {round(other - one) for one, other in pairwise(found)}
    assert len(steps) <= 1
    if seconds >= 36_000:
        assert {clock(mark, film)[-5:] for mark in found} == {"00:00"}


@given(st.integers(0, 10_000_000), st.integers(1, 100_000_000), st.integers(1, 12))
def test_marks_are_never_more_than_are_wanted(start: int, seconds: int, most: int) -> None:
    found = marks(float(start), float(start + seconds), most, film=True)
    assert len(found) <= most
    assert all(start <= mark <= start + seconds for mark in found)


def test_a_period_that_begins_and_ends_on_a_mark_has_no_mark_too_many() -> None:
    assert marks(0.0, 8.0, 8, film=True) == [0.0, 2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("days", [1, 3, 6])
def test_marks_of_days_are_at_their_midnight_wherever_that_is(place: str, days: int) -> None:
    found = marks(NOON, NOON + 86_400.0 * days * 3, days * 3 + 1, film=False)
    assert {clock(mark, film=False) for mark in found} == {"00:00:00"}, place
    assert len({day(mark) for mark in found}) == len(found) == days * 3


def test_the_day_is_that_of_here(place: str) -> None:
    late = datetime(2026, 11, 20, 23, 0, tzinfo=UTC).timestamp()
    assert day(late) == ("2026-11-21" if place == "Asia/Kolkata" else "2026-11-20")


def test_the_zone_is_that_of_the_season(place: str) -> None:
    summer = datetime(2026, 7, 20, 12, 0, tzinfo=UTC).timestamp()
    assert zone(summer) == {"UTC": "UTC", "Asia/Kolkata": "IST", "America/New_York": "EDT"}[place]


def test_a_place_in_a_film_is_the_same_anywhere(place: str) -> None:
    assert clock(3599.6, film=True) == "1:00:00", place
    assert marks(0.0, 7200.0, 5, film=True) == [0.0, 1800.0, 3600.0, 5400.0, 7200.0], place
