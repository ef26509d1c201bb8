"""Summaries say of each period what a report of the same events says."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edge.config import parse_config
from edge.errors import ConfigError
from edge.offline.report import html_report
from edge.publish.intervals import Summarizer, intervals_of, time_by_emotion, visits
from edge.types import EmotionEvent, EventType
from tests.edge.offline.days import HOURS, MORNING, day, event

BEGIN = MORNING.timestamp()
DELAY = 2.5
"""Longer than a face of `days` may have been gone when its end is told."""

START, CHANGE, END, ZONE = EventType.START, EventType.CHANGE, EventType.END, EventType.ZONE


def summaries(
    events: Sequence[EmotionEvent], seconds: int, *every_s: int, zones: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the summaries of `seconds` that begin with the morning, looked for each second."""
    summarizer, told = Summarizer(), list[dict[str, Any]]()
    waiting = sorted(events, key=lambda one: one.time)
    for second in range(seconds):
        while waiting and waiting[0].time.timestamp() <= BEGIN + second:
            summarizer.add(waiting.pop(0))
        told += [one.data for one in summarizer.due(every_s, zones, DELAY, BEGIN + second)]
    return told


def test_the_minutes_of_a_day_add_up_to_the_times_of_a_report_of_it() -> None:
    events = list(day(120))
    minutes = summaries(events, 3600 * HOURS + 1200, 60)
    expected = time_by_emotion(intervals_of(events))
    sums: defaultdict[str, float] = defaultdict(float)
    for minute in minutes:
        for emotion, share in minute["emotions"].items():
            sums[emotion] += share * minute["people_seconds"]
    assert sums.keys() == expected.keys()
    assert all(abs(sums[emotion] - expected[emotion]) < 2.0 for emotion in expected)
    total = sum(minute["people_seconds"] for minute in minutes)
    assert total == pytest.approx(sum(expected.values()), abs=0.001 * len(minutes))


def test_an_hour_says_what_the_page_of_emotiond_report_says() -> None:
    events = [one for one in day(120) if one.time < MORNING.replace(hour=9)]
    tracks = Counter(one.track_id for one in events if one.type in {START, END})
    events = [one for one in events if tracks[one.track_id] == 2]  # came and went in this hour
    (hour,) = summaries(events, 3700, 3600)
    page = html_report("day", events)
    table = page.partition("Time by expression")[2].partition("</table>")[0]
    shares = re.findall(r'row">(\w+)</th>.*?<td>(\d+%)</td>', table)
    assert [(one, f"{share:.0%}") for one, share in hour["emotions"].items()] == shares
    assert hour["emotion"] == shares[0][0]
    assert hour["faces"] == len(visits(intervals_of(events)))
    assert f"<dt>faces</dt><dd>{hour['faces']}</dd>" in page


def test_a_face_that_stays_counts_in_each_period_for_as_long_as_it_was_there() -> None:
    events = [
        event(START, 1, "happy", 30.0),
        event(CHANGE, 1, "sad", 90.0),
        event(END, 1, "sad", 131.5, duration=100.0),
        event(START, 2, "sad", 100.0),
    ]
    first, second, third = summaries(events, 190, 60)
    assert (first["faces"], first["people_seconds"], first["emotions"]) == (1, 30.0, {"happy": 1.0})
    assert (second["faces"], second["people_seconds"]) == (2, 80.0)
    assert (second["emotion"], second["emotions"]) == ("sad", {"sad": 0.625, "happy": 0.375})
    assert (third["faces"], third["people_seconds"]) == (2, 70.0)
    assert (first["start"], first["end"]) == (
        "2026-11-20T08:00:00.000Z",
        "2026-11-20T08:01:00.000Z",
    )


def test_each_zone_counts_those_in_it_while_they_are() -> None:
    events = [
        replace(event(START, 1, "happy", 10.0), zones=("door",)),
        replace(event(ZONE, 1, "happy", 20.0), zones=("door", "desk")),
        replace(event(ZONE, 1, "happy", 25.0), zones=()),
        replace(event(END, 1, "happy", 41.5, duration=30.0), zones=()),
    ]
    (minute,) = summaries(events, 70, 60, zones=("door", "desk", "yard"))
    assert minute["people_seconds"] == 30.0
    seconds = {name: zone["people_seconds"] for name, zone in minute["zones"].items()}
    assert seconds == {"door": 15.0, "desk": 5.0, "yard": 0}
    assert minute["zones"]["yard"]["emotion"] is None


def test_where_nobody_was_a_summary_says_so() -> None:
    (minute,) = summaries([], 70, 60)
    assert (minute["faces"], minute["people_seconds"], minute["emotion"]) == (0, 0, None)
    assert minute["emotions"] == {}
    assert "zones" not in minute


def test_a_clock_that_is_set_makes_neither_a_flood_of_summaries_nor_an_end_of_them() -> None:
    summarizer = Summarizer()
    for jump in (0, 1e7, -1e7):
        told = [
            summary
            for second in range(200)
            for summary in summarizer.due((60,), (), DELAY, BEGIN + jump + second)
        ]
        assert len(told) in {2, 3}
        for one in told:
            length = datetime.fromisoformat(one.data["end"]) - datetime.fromisoformat(
                one.data["start"]
            )
            assert 0 < length.total_seconds() <= 60


@pytest.mark.parametrize("every_s", [[1], [60] * 11, 60, [0.5]])
def test_periods_that_are_none_are_one_line(every_s: object) -> None:
    with pytest.raises(ConfigError, match=r"summary\.every_s"):
        parse_config({"summary": {"every_s": every_s}}, Path("my.yaml"))
