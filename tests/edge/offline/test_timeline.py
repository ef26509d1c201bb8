"""The picture of who showed what when."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from edge.label_colors import COLOURS, OTHER, color_for
from edge.offline.intervals import ExpressionInterval, intervals_of
from edge.offline.timeline import (
    DENSITY,
    LEFT,
    MOST_LANES,
    MOST_SPANS,
    RIGHT,
    WIDTH,
    timeline_svg,
)
from tests.edge.offline.days import day

SVG = "{http://www.w3.org/2000/svg}"
ROOM = WIDTH - LEFT - RIGHT


def draw(spans: list[ExpressionInterval], film: bool = True, title: str = "a film") -> ET.Element:
    return ET.fromstring(timeline_svg(spans, film, title))


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
    assert float(first.attrib["x"]) == pytest.approx(LEFT, abs=0.1)
    assert float(first.attrib["width"]) == pytest.approx(ROOM / 4, abs=0.1)
    assert float(second.attrib["width"]) == pytest.approx(ROOM * 3 / 4, abs=0.1)
    assert [first.attrib["fill"], second.attrib["fill"]] == [color_for("happy"), color_for("sad")]
    assert first.findtext(f"{SVG}title") == "face 1: happy, 5.0 s from 0:00:00"


def test_each_face_has_a_lane_and_each_expression_a_place_in_the_legend() -> None:
    drawing = draw(
        [ExpressionInterval(1, "happy", 0.0, 5.0), ExpressionInterval(2, "uncertain", 3.0, 9.0)]
    )
    assert {"face 1", "face 2", "happy", "uncertain"} <= set(texts(drawing))
    assert len({bar.attrib["y"] for bar in bars(drawing)}) == 2


def test_as_many_faces_as_there_are_lanes_have_one_each() -> None:
    spans = [
        ExpressionInterval(number, "happy", 10.0 * number, 10.0 * number + 5)
        for number in range(1, MOST_LANES + 1)
    ]
    drawing = draw(spans)
    assert {f"face {number}" for number in range(1, MOST_LANES + 1)} <= set(texts(drawing))
    assert len({bar.attrib["y"] for bar in bars(drawing)}) == MOST_LANES


def test_a_lane_has_the_number_of_its_face() -> None:
    drawing = draw(
        [ExpressionInterval(7, "happy", 0.0, 5.0), ExpressionInterval(3, "sad", 3.0, 9.0)]
    )
    assert [text for text in texts(drawing) if text and text.startswith("face ")] == [
        "face 3",
        "face 7",
    ]
    assert [bar.attrib["fill"] for bar in bars(drawing)] == [color_for("sad"), color_for("happy")]


def test_what_is_live_begins_at_the_left_and_a_film_at_its_first_frame() -> None:
    span = ExpressionInterval(1, "happy", 50.0, 100.0)
    (live,), (filmed,) = (list(bars(draw([span], film=film))) for film in (False, True))
    assert float(live.attrib["x"]) == pytest.approx(LEFT, abs=0.1)
    assert float(filmed.attrib["x"]) == pytest.approx(LEFT + ROOM / 2, abs=0.1)


def test_a_moment_in_a_long_day_can_still_be_seen() -> None:
    drawing = draw(
        [ExpressionInterval(1, "happy", 0.0, 0.5), ExpressionInterval(1, "sad", 0.5, 36_000.0)]
    )
    assert float(next(bars(drawing)).attrib["width"]) == 0.5


def test_the_legend_names_what_is_shown_once_and_what_cannot_be_read_last() -> None:
    spans = [
        ExpressionInterval(1, "uncertain", 0.0, 1.0),
        ExpressionInterval(1, "zany", 1.0, 2.0),
        ExpressionInterval(1, "happy", 2.0, 3.0),
        ExpressionInterval(1, "zany", 3.0, 4.0),
    ]
    legend = list(draw(spans))[-1]
    assert [one.text for one in legend.iter(f"{SVG}text")] == ["happy", "zany", "uncertain"]
    fills = [one.attrib["fill"] for one in legend.iter(f"{SVG}rect")]
    assert fills == [color_for("happy"), OTHER, color_for("uncertain")]


def test_many_faces_that_come_one_after_another_share_lanes() -> None:
    spans = [
        ExpressionInterval(number, "happy", 10.0 * number, 10.0 * number + 5)
        for number in range(40)
    ]
    drawing = draw(spans)
    assert len(list(bars(drawing))) == 40
    assert {bar.attrib["y"] for bar in bars(drawing)} == {"4"}


def test_of_more_faces_at_once_than_there_are_lanes_it_shows_how_many_showed_what() -> None:
    count = MOST_LANES + 6
    spans = [ExpressionInterval(number, "happy", 0.0, 100.0) for number in range(count)]
    drawing = draw(spans)
    assert list(bars(drawing)) == []
    assert f"{count}.0 faces" in texts(drawing)
    columns = [
        one for one in drawing.iter(f"{SVG}rect") if one.attrib["fill"] == color_for("happy")
    ]
    assert len(columns) > 200


def test_columns_are_as_high_as_the_share_of_faces_that_showed_it() -> None:
    count = 2 * MOST_LANES
    spans = [
        ExpressionInterval(
            number, "happy" if number % 4 else "sad", 0.0, 100.0 if number % 2 else 50.0
        )
        for number in range(count)
    ]
    columns = list(list(draw(spans))[-2].iter(f"{SVG}rect"))
    heights = {
        half: {
            emotion: {
                round(float(one.attrib["height"]))
                for one in columns
                if one.attrib["fill"] == color_for(emotion)
                and half == (float(one.attrib["x"]) >= LEFT + ROOM / 2 - 0.1)
            }
            for emotion in ("happy", "sad")
        }
        for half in (False, True)
    }
    assert heights == {
        False: {"happy": {DENSITY * 3 // 4}, "sad": {DENSITY // 4}},
        True: {"happy": {DENSITY // 2}, "sad": set()},
    }


def test_more_spans_than_can_be_told_apart_are_shares_even_of_one_face() -> None:
    spans = [
        ExpressionInterval(1, "happy", float(second), second + 0.5)
        for second in range(MOST_SPANS + 1)
    ]
    assert list(bars(draw(spans))) == []
    assert len(list(bars(draw(spans[:-1])))) == MOST_SPANS


def test_everything_of_a_busy_day_lies_within_the_picture() -> None:
    drawing = draw(intervals_of(day(400)), film=False)
    height = float(drawing.attrib["height"])
    for one in drawing.iter(f"{SVG}rect"):
        assert float(one.attrib["x"]) >= 0
        assert float(one.attrib["x"]) + float(one.attrib["width"]) <= WIDTH - RIGHT + 1
        assert float(one.attrib["y"]) + float(one.attrib["height"]) <= height
        assert one.attrib["fill"] in COLOURS.values()


def test_without_spans_there_is_an_empty_picture() -> None:
    assert list(bars(draw([]))) == []
    assert list(bars(draw([], film=False))) == []


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"/><a href="x">', "a & b"])
def test_names_and_labels_are_words_and_nothing_else(evil: str) -> None:
    drawing = draw([ExpressionInterval(1, evil, 0.0, 5.0)], title=evil)
    assert evil in texts(drawing)
    assert {one.tag for one in drawing.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "title", "desc", "style", "text", "g", "rect", "line")
    }


@pytest.mark.parametrize("evil", ["a\0b", "a\x1bb", "a\udce9b", "a\uffffb"])
def test_what_xml_cannot_hold_is_replaced_in_names_and_labels(evil: str) -> None:
    drawing = draw([ExpressionInterval(1, evil, 0.0, 5.0)], title=evil)
    assert texts(drawing).count("a\ufffdb") == 2


def test_letters_of_any_language_stay_as_they_are() -> None:
    label = "می\u200cخندد 😀"
    assert label in texts(draw([ExpressionInterval(1, label, 0.0, 5.0)]))
