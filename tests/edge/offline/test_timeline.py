"""The SVG timeline, and how reports write times and durations."""

import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.offline.timeline import (
    axis_ticks,
    draw_timeline,
    format_duration,
    format_time,
    timeline_svg,
)
from edge.publish.intervals import ExpressionInterval, intervals_of
from edge.view.annotate import color_for
from tests.edge.offline.days import SHOWN, day

SVG = "{http://www.w3.org/2000/svg}"


def percent(bar: ET.Element, name: str) -> float:
    """Return a place or width across the drawing."""
    assert bar.attrib[name].endswith("%")
    return float(bar.attrib[name][:-1])


def draw(
    intervals: list[ExpressionInterval], video: bool = True, title: str = "a film"
) -> ET.Element:
    return ET.fromstring(timeline_svg(intervals, video, title))


def bars(drawing: ET.Element) -> Iterator[ET.Element]:
    """Yield the bars, each of which says what it is."""
    return (one for one in drawing.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None)


def texts(drawing: ET.Element) -> list[str | None]:
    return [one.text for one in drawing.iter(f"{SVG}text")]


def test_a_span_is_a_bar_where_and_as_long_as_it_was_in_its_colour() -> None:
    drawing = draw(
        [ExpressionInterval(1, "happy", 0.0, 5.0), ExpressionInterval(1, "sad", 5.0, 20.0)]
    )
    first, second = bars(drawing)
    assert (percent(first, "x"), percent(first, "width")) == (0, 25)
    assert (percent(second, "x"), percent(second, "width")) == (25, 75)
    assert [first.attrib["fill"], second.attrib["fill"]] == [color_for("happy"), color_for("sad")]
    assert first.findtext(f"{SVG}title") == "#1: happy, 5.0 s from 0:00:00"


def test_each_face_has_a_lane_and_each_expression_a_place_in_the_legend() -> None:
    drawing = draw(
        [ExpressionInterval(1, "happy", 0.0, 5.0), ExpressionInterval(2, "uncertain", 3.0, 9.0)]
    )
    assert {"#1", "#2", "happy", "uncertain"} <= set(texts(drawing))
    assert len({bar.attrib["y"] for bar in bars(drawing)}) == 2


def test_as_many_faces_as_there_are_lanes_have_one_each() -> None:
    intervals = [
        ExpressionInterval(number, "happy", 10.0 * number, 10.0 * number + 5)
        for number in range(1, 24 + 1)
    ]
    drawing = draw(intervals)
    assert {f"#{number}" for number in range(1, 24 + 1)} <= set(texts(drawing))
    assert len({bar.attrib["y"] for bar in bars(drawing)}) == 24


def test_a_lane_has_the_number_of_its_face() -> None:
    drawing = draw(
        [ExpressionInterval(7, "happy", 0.0, 5.0), ExpressionInterval(3, "sad", 3.0, 9.0)]
    )
    assert [text for text in texts(drawing) if text and text.startswith("#")] == [
        "#3",
        "#7",
    ]
    assert [bar.attrib["fill"] for bar in bars(drawing)] == [color_for("sad"), color_for("happy")]


def test_faces_of_two_runs_have_a_lane_each_in_the_order_of_the_runs() -> None:
    drawing = draw(
        [
            ExpressionInterval(1, "happy", 0.0, 5.0, "ffffffff"),
            ExpressionInterval(2, "happy", 1.0, 5.0, "ffffffff"),
            ExpressionInterval(1, "sad", 3.0, 9.0, "00000000"),
        ]
    )
    lanes = [text for text in texts(drawing) if text and text.startswith("#")]
    assert lanes == ["#1", "#2", "#1"]
    assert len({bar.attrib["y"] for bar in bars(drawing)}) == 3


def test_what_is_live_begins_at_the_left_and_a_film_at_its_first_frame() -> None:
    interval = ExpressionInterval(1, "happy", 50.0, 100.0)
    (live,), (filmed,) = (list(bars(draw([interval], video=video))) for video in (False, True))
    assert (percent(live, "x"), percent(filmed, "x")) == (0, 50)


def test_a_moment_in_a_long_day_can_still_be_seen() -> None:
    drawing = draw(
        [ExpressionInterval(1, "happy", 0.0, 0.5), ExpressionInterval(1, "sad", 0.5, 36_000.0)]
    )
    assert percent(next(bars(drawing)), "width") == 0.05


def test_the_legend_names_what_is_shown_once_and_what_cannot_be_read_last() -> None:
    intervals = [
        ExpressionInterval(1, "uncertain", 0.0, 1.0),
        ExpressionInterval(1, "zany", 1.0, 2.0),
        ExpressionInterval(1, "happy", 2.0, 3.0),
        ExpressionInterval(1, "zany", 3.0, 4.0),
    ]
    legend = list(draw(intervals).iter(f"{SVG}g"))[-1]
    assert [one.text for one in legend.iter(f"{SVG}text")] == ["happy", "zany", "uncertain"]
    fills = [one.attrib["fill"] for one in legend.iter(f"{SVG}rect")]
    assert fills == [color_for("happy"), "#ffffff", color_for("uncertain")]


def test_of_more_faces_at_once_than_there_are_lanes_it_shows_how_many_showed_what() -> None:
    count = 24 + 6
    intervals = [ExpressionInterval(number, "happy", 0.0, 100.0) for number in range(count)]
    drawing = draw(intervals)
    assert list(bars(drawing)) == []
    assert f"{count}.0 faces" in texts(drawing)
    columns = [
        one for one in drawing.iter(f"{SVG}rect") if one.attrib["fill"] == color_for("happy")
    ]
    assert len(columns) > 200


def test_columns_are_as_high_as_the_share_of_faces_that_showed_it() -> None:
    count = 2 * 24
    intervals = [
        ExpressionInterval(
            number, "happy" if number % 4 else "sad", 0.0, 100.0 if number % 2 else 50.0
        )
        for number in range(count)
    ]
    columns = [one for one in draw(intervals).iter(f"{SVG}rect") if "class" not in one.attrib]
    heights = {
        half: {
            emotion: {
                round(float(one.attrib["height"]))
                for one in columns
                if one.attrib["fill"] == color_for(emotion) and half == (percent(one, "x") >= 49.9)
            }
            for emotion in ("happy", "sad")
        }
        for half in (False, True)
    }
    assert heights == {
        False: {"happy": {180 * 3 // 4}, "sad": {180 // 4}},
        True: {"happy": {180 // 2}, "sad": set()},
    }


def test_more_spans_than_can_be_told_apart_are_shares_even_of_one_face() -> None:
    intervals = [
        ExpressionInterval(1, "happy", float(second), second + 0.5) for second in range(2500 + 1)
    ]
    assert list(bars(draw(intervals))) == []
    assert len(list(bars(draw(intervals[:-1])))) == 2500


def test_everything_of_a_busy_day_lies_within_the_picture() -> None:
    drawing = draw(intervals_of(day(400)), video=False)
    height = float(drawing.attrib["height"])
    for one in drawing.iter(f"{SVG}rect"):
        assert one.attrib["fill"] in {color_for(emotion) for emotion in SHOWN}
        assert float(one.attrib["y"]) + float(one.attrib["height"]) <= height
        if "class" not in one.attrib:  # in the legend widths are in pixels
            assert 0 <= percent(one, "x") <= percent(one, "x") + percent(one, "width") <= 100.5


def test_without_spans_there_is_an_empty_picture() -> None:
    assert list(bars(draw([]))) == []
    assert list(bars(draw([], video=False))) == []


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"/><a href="x">', "a & b"])
def test_names_and_labels_are_words_and_nothing_else(evil: str) -> None:
    drawing = draw([ExpressionInterval(1, evil, 0.0, 5.0)], title=evil)
    assert evil in texts(drawing)
    assert {one.tag for one in drawing.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "title", "style", "text", "g", "rect", "line")
    }


@pytest.mark.parametrize("evil", ["a\0b", "a\x1bb", "a\udce9b", "a\uffffb"])
def test_what_xml_cannot_hold_is_replaced_in_names_and_labels(evil: str) -> None:
    drawing = draw([ExpressionInterval(1, evil, 0.0, 5.0)], title=evil)
    assert texts(drawing).count("a\ufffdb") == 2


def test_letters_of_any_language_stay_as_they_are() -> None:
    label = "می\u200cخندد 😀"
    assert label in texts(draw([ExpressionInterval(1, label, 0.0, 5.0)]))


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
    told = {"UTC": "12:00:00", "Asia/Kolkata": "17:30:00", "America/New_York": "07:00:00"}
    assert format_time(NOON, video=False) == told[place]


def test_a_place_in_a_film_is_told_from_its_beginning() -> None:
    assert [format_time(one, video=True) for one in (0.0, 61.4, 3723.0)] == [
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
    assert format_duration(seconds) == told


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "seconds", [1.0, 17.0, 90.0, 3600.0, 36_000.0, 86_400.0 * 3, 86_400.0 * 400]
)
@pytest.mark.parametrize("video", [True, False])
def test_marks_are_few_round_and_within(seconds: float, video: bool) -> None:
    start = 3.0 if video else NOON + 3.0
    found = axis_ticks(start, start + seconds, 8, video)
    assert 1 <= len(found) <= 8
    assert all(start <= tick <= start + seconds for tick in found)
    steps = {round(other - one) for one, other in pairwise(found)}
    assert len(steps) <= 1
    if seconds >= 36_000:
        assert {format_time(tick, video)[-5:] for tick in found} == {"00:00"}


@given(st.integers(0, 10_000_000), st.integers(1, 100_000_000), st.integers(1, 12))
def test_marks_are_never_more_than_are_wanted(start: int, seconds: int, most: int) -> None:
    found = axis_ticks(float(start), float(start + seconds), most, video=True)
    assert len(found) <= most
    assert all(start <= tick <= start + seconds for tick in found)


def test_a_period_that_begins_and_ends_on_a_mark_has_no_mark_too_many() -> None:
    assert axis_ticks(0.0, 8.0, 8, video=True) == [0.0, 2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("days", [1, 3, 6])
def test_marks_of_days_are_at_their_midnight_wherever_that_is(place: str, days: int) -> None:
    found = axis_ticks(NOON, NOON + 86_400.0 * days * 3, days * 3 + 1, video=False)
    assert {format_time(tick, video=False) for tick in found} == {"00:00:00"}, place
    assert len({datetime.fromtimestamp(tick).date() for tick in found}) == len(found) == days * 3


def test_the_day_is_that_of_here(place: str) -> None:
    late = datetime(2026, 11, 20, 23, 0, tzinfo=UTC).timestamp()
    svg, _ = draw_timeline([ExpressionInterval(1, "happy", late, late + 86_400)], video=False)
    first = "11-20 18:00" if place == "America/New_York" else "11-21 "
    assert f">{first}" in svg
    assert ("11-20" in svg) is (place == "America/New_York")


def test_a_place_in_a_film_is_the_same_anywhere(place: str) -> None:
    assert format_time(3599.6, video=True) == "1:00:00", place
    assert axis_ticks(0.0, 7200.0, 5, video=True) == [0.0, 1800.0, 3600.0, 5400.0, 7200.0], place
