import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from edge.report.moments import clock, day, lasting, marks, zone

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
        (60.0, "1 min 00 s"),
        (3599.4, "59 min 59 s"),
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
    assert len(found) <= 9
    assert all(start <= mark <= start + seconds for mark in found)
    steps = {round(other - one) for one, other in pairwise(found)}
    assert len(steps) <= 1
    if seconds >= 36_000:
        assert {clock(mark, film)[-5:] for mark in found} == {"00:00"}
