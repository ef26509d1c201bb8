"""The HTML report and the CSV table of recorded events."""

import csv
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations
from typing import Any

import pytest

from edge.geometry import Box
from edge.offline.report import events_csv, html_report
from edge.types import UNCERTAIN, EmotionEvent, EventType, Reason
from tests.edge.offline.days import LABELS, day, event

START, CHANGE, END = EventType.START, EventType.CHANGE, EventType.END

SHORT = [
    event(START, 1, "happy", 0.0),
    event(CHANGE, 1, UNCERTAIN, 30.0),
    event(END, 1, UNCERTAIN, 41.5, duration=40.0),
    event(START, 2, "happy", 60.0),
    event(END, 2, "happy", 121.5, duration=60.0),
]
"""One face laughs for 30 s and turns away for 10; another laughs for 60."""


class Reader(HTMLParser):
    """Reads a page as a browser does."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if not data.isspace():
            self.words.append(data)


def words(events: list[EmotionEvent], name: str = "friday") -> list[str]:
    return Reader(html_report(name, events)).words


def test_its_head_tells_what_is_in_it() -> None:
    told = words(SHORT)
    figures = dict(
        zip(told[told.index("faces") :: 2], told[told.index("faces") + 1 :: 2], strict=False)
    )
    assert figures["faces"] == "2"
    assert figures["with a face in view"] == "1 min 40 s"
    assert figures["expressions"] == "3"
    assert figures["events"] == "5"
    assert any("model shallow-int8, detector builtin" in word for word in told)


def test_its_tables_tell_shares_durations_and_faces() -> None:
    told = " ".join(words(SHORT))
    assert "happy" in told
    assert "90% 1 min 30 s" in told
    assert "10% 10.0 s" in told
    assert "2 45.0 s 1 min 00 s" in told  # how often happy lasted, its median, its longest
    assert "side face 1" in told


def test_faces_that_were_there_longest_come_first_and_the_others_are_counted() -> None:
    events = list(day(20 + 30))
    told = words(events)
    shown = [word for word in told if word.startswith("#") and word[1:].isdigit()]
    assert f"{30} more, each in view for a shorter time." in told
    assert len(shown) >= 20


def test_who_was_there_longer_comes_first_in_the_table_of_faces() -> None:
    told = " ".join(words(SHORT))
    table = told[told.index("mostly") :]
    assert table.index("#2") < table.index("#1")


def test_time_in_which_two_were_in_view_counts_once_in_its_head() -> None:
    events = [
        event(START, 1, "happy", 0.0),
        event(START, 2, "sad", 10.0),
        event(END, 1, "happy", 31.5, duration=30.0),
        event(END, 2, "sad", 51.5, duration=40.0),
    ]
    told = words(events)
    assert told[told.index("with a face in view") + 1] == "50.0 s"


def test_a_day_on_which_nothing_happened_to_any_face_says_so() -> None:
    told = words(SHORT[3:])
    assert "No face changed its expression." in told
    assert "Every face could be read." in told


def test_events_without_any_span_still_make_a_page() -> None:
    told = words([event(END, 1, "happy", 5.0, duration=5.0)])
    assert told[told.index("faces") + 1] == "0"
    assert told[told.index("events") + 1] == "1"
    assert "No face changed its expression." in told


def test_its_table_of_changes_tells_from_what_to_what() -> None:
    told = " ".join(words(SHORT))
    assert "from to times happy uncertain 1" in told


def test_a_row_of_each_face_tells_when_it_came_how_long_it_stayed_and_what_it_showed() -> None:
    events = [
        replace(one, position=place) for one, place in zip(SHORT, (0, 30, 40, 60, 120), strict=True)
    ]
    told = " ".join(words(events))
    assert "#2 0:01:00 1 min 00 s happy 100% happy 100%" in told
    assert "#1 0:00:00 40.0 s happy 75% uncertain 25% happy 75%" in told


def test_as_many_faces_as_the_table_holds_leave_none_out() -> None:
    assert not [word for word in words(list(day(20))) if "each in view" in word]


def of_camera(name: str, events: list[EmotionEvent]) -> list[EmotionEvent]:
    """Return the same events, told by a camera."""
    return [replace(one, camera_name=name, id=f"{name} {one.id}") for one in events]


def test_each_of_several_cameras_has_a_part_of_its_own() -> None:
    told = words([*of_camera("front", SHORT), *of_camera("back", SHORT[3:])])
    text = " ".join(told)
    assert "back 1 1 min 00 s" in text
    assert "front 2 1 min 40 s" in text
    back, front = told.index("back", told.index("front")), len(told) - told[::-1].index("front") - 1
    assert back < front
    assert "No face changed its expression." in told[back:front]
    assert "from to times happy uncertain 1" in " ".join(told[front:])


def test_a_number_that_two_cameras_gave_at_once_is_two_faces() -> None:
    laughing = [event(START, 1, "happy", 0.0), event(END, 1, "happy", 10.0, duration=10.0)]
    gloomy = [event(START, 1, "sad", 5.0), event(END, 1, "sad", 15.0, duration=10.0)]
    told = words([*of_camera("front", laughing), *of_camera("back", gloomy)])
    assert told[told.index("faces") + 1] == "2"
    assert told[told.index("with a face in view") + 1] == "15.0 s"
    assert " ".join(told).count("100% 10.0 s") == 2


def test_the_events_of_one_camera_have_no_part_for_it() -> None:
    assert "Cameras" not in words(of_camera("front", SHORT))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser; without one, its tests are passed over."""
    playwright = pytest.importorskip("playwright.sync_api")
    if (program := shutil.which("chromium")) is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


TWO_CAMERAS = [*of_camera("front", list(day(12))), *of_camera("back", list(day(40)))]

TEXTS = """() => [...document.querySelectorAll("h1, h2, p, dt, dd, th, td, text")]
    .filter(one => one.textContent.trim() && one.getClientRects().length)
    .map(one => { const range = document.createRange(); range.selectNodeContents(one);
        const place = range.getBoundingClientRect(), style = getComputedStyle(one);
        return [one.tagName, place.left, place.top, place.right, place.bottom,
            parseFloat(style.fontSize)]; })"""


def test_on_a_phone_all_can_be_read_and_nothing_lies_over_another_or_is_cut(browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(html_report("friday", TWO_CAMERAS))
    texts = page.evaluate(TEXTS)
    assert len(texts) > 200
    assert min(size for *_, size in texts) >= 12
    assert [one for one in texts if one[1] < 0 or one[3] > 390] == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    words = [Box(*place) for tag, *place, _ in texts if tag == "text"]
    assert [pair for pair in combinations(words, 2) if pair[0].intersection(pair[1]) > 1] == []
    page.close()


def test_it_is_printed_on_a4_in_dark_ink_with_its_colors(browser: Any) -> None:
    page = browser.new_page(viewport={"width": 688, "height": 1000}, color_scheme="dark")
    page.set_content(html_report("friday", TWO_CAMERAS))
    pdf = page.pdf(prefer_css_page_size=True)
    assert set(re.findall(rb"/MediaBox ?\[0 0 (59\d)\.\d+ (84\d)", pdf)) == {(b"594", b"841")}
    page.emulate_media(media="print", color_scheme="light")  # as chromium prints
    style = page.evaluate("(({color, printColorAdjust}) => [color, printColorAdjust])"
                          "(getComputedStyle(document.documentElement))")  # fmt: skip
    assert style == ["rgb(22, 27, 34)", "exact"]
    assert max(one[3] for one in page.evaluate(TEXTS)) <= 688
    page.close()


def test_events_that_come_twice_change_nothing() -> None:
    assert html_report("friday", [*SHORT, *SHORT]) == html_report("friday", SHORT)


def test_reasons_told_as_often_come_in_one_order() -> None:
    dark = replace(event(START, 3, UNCERTAIN, 200.0), reasons=(Reason.DARK,))
    events = [*SHORT, dark]
    assert html_report("friday", events) == html_report("friday", events[::-1])


def test_a_period_over_midnight_tells_both_days() -> None:
    events = [event(START, 1, "happy", 0.0), event(END, 1, "happy", 3 * 86_400.0, duration=9.0)]
    (origin,) = [word for word in words(events) if "model" in word]
    assert "2026-11-20" in origin
    assert "2026-11-23" in origin


def test_a_name_that_is_no_text_can_be_written_all_the_same() -> None:
    assert "fr\ufffd: expressions" in words(SHORT, "fr\udce9")
    html_report("fr\udce9", SHORT).encode()


def test_of_a_film_it_tells_places_in_it() -> None:
    events = [
        replace(one, position=place) for one, place in zip(SHORT, (0, 30, 40, 60, 120), strict=True)
    ]
    assert any("0:00:00 to 0:02:00; model" in word for word in words(events))


EVIL = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    "events",
    [
        [replace(one, emotion=EVIL) for one in SHORT],
        [replace(one, model=EVIL) for one in SHORT],
        [replace(one, detector=EVIL) for one in SHORT],
    ],
    ids=["label", "model", "detector"],
)
def test_whatever_stands_in_events_is_shown_as_words(events: list[EmotionEvent]) -> None:
    page = Reader(html_report("friday", events))
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert any(EVIL in word for word in page.words)


def test_the_name_of_a_file_is_shown_as_words() -> None:
    page = Reader(html_report(EVIL, SHORT))
    assert "img" not in page.tags
    assert EVIL in page.words
    assert f"{EVIL}: expressions" in page.words


def test_it_holds_no_picture_runs_nothing_and_asks_nobody() -> None:
    text = html_report("friday", list(day(50)))
    page = Reader(text)
    assert page.tags.isdisjoint({"img", "script", "link", "iframe", "object", "a", "video"})
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    addresses = {value for _, value in page.attributes if value and "//" in value}
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert "data:" not in text
    assert "url(" not in text


def test_it_is_the_same_each_time() -> None:
    assert html_report("friday", SHORT) == html_report("friday", list(reversed(SHORT)))


def rows(events: list[EmotionEvent], labels: list[str]) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(events_csv(events, labels))))


def test_an_event_is_a_row_with_a_column_for_each_class() -> None:
    change = event(EventType.CHANGE, 3, "happy", 0.0, duration=1.25, position=2.5)
    (row,) = rows([change], list(LABELS))
    assert (row["position"], row["type"], row["track_id"]) == ("2.500", "change", "3")
    assert (row["emotion"], row["confidence"], row["happy"]) == ("happy", "0.7", "0.7")
    assert row["sad"] == "0.05"
    assert [row[edge] for edge in ("x1", "y1", "x2", "y2")] == ["0.0", "0.0", "100.0", "100.0"]
    assert row["duration"] == "1.25"


def test_a_face_that_cannot_be_read_has_empty_cells_and_a_reason() -> None:
    (row,) = rows([event(EventType.START, 1, UNCERTAIN, 0.0)], list(LABELS))
    assert (row["confidence"], row["happy"], row["position"]) == ("", "", "")
    assert row["reasons"] == "side_face"


def test_labels_with_commas_and_quotes_come_back_as_they_are() -> None:
    label = 'so, "so"'
    (row,) = rows([event(EventType.START, 1, label, 0.0)], [label])
    assert (row["emotion"], row[label]) == (label, "0.7")


def test_without_events_there_is_a_head() -> None:
    assert events_csv([], ["happy"]).splitlines() == [
        "position,type,track_id,emotion,confidence,happy,reasons,x1,y1,x2,y2,duration"
    ]
