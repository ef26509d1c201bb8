import math

import msgspec
import pytest

from tests.tools.tracking_eval.results import LEFT, RIGHT, face, film, telling, track, watched
from tools.tracking_eval.ground_truth import Switch
from tools.tracking_eval.metrics import Figures, measure
from tools.tracking_eval.tables import (
    changes_a_minute,
    file_table,
    mean_ms,
    remarks,
    summary_table,
    unmet,
)

STEADY = msgspec.structs.replace(LEFT, expression="happy")


def cells(table: str) -> dict[str, str]:
    """Return the last row of a table by its columns."""
    head, *_, last = (line.strip("| ").split(" | ") for line in table.splitlines())
    return dict(zip(head, last, strict=True))


def seen() -> list[Figures]:
    """Return the figures of a face that was found, followed and told without fail."""
    return [measure(watched(telling(*["happy"] * 11), STEADY))]


def test_a_detector_that_does_everything_right_misses_no_goal() -> None:
    assert unmet(seen()) == []


def test_a_face_of_32_pixels_that_was_never_followed_misses_the_goal_and_a_smaller_one_does_not() -> (
    None
):
    def figures(width: int) -> list[Figures]:
        return [measure(watched(film(([], [], [])), LEFT, width=width))]

    assert unmet(figures(2000)) == ["every large face"]
    assert unmet(figures(2001)) == []


def test_each_fault_is_named_by_the_goal_it_misses() -> None:
    stranger = measure(watched(film(([], [track(1, 250)], []))))
    twice = measure(watched(film(([], [track(1, 100)], []), ([], [track(2, 100)], [])), LEFT))
    flicker = measure(watched(telling("happy", "sad", "happy"), STEADY))
    turning = msgspec.structs.replace(STEADY, switches=(Switch(at=0.5, to="sad"),))
    late = measure(watched(telling(*["happy"] * 15, "sad"), turning))
    missing = [unmet([one]) for one in (stranger, twice, flicker, late)]
    assert missing == [["no false track"], ["one id each"], ["label changes"], ["switch latency"]]


def test_label_changes_a_minute_are_over_all_steady_faces_together() -> None:
    steady, flicker = telling(*["happy"] * 21), telling("happy", *["sad"] * 20)
    people = [measure(watched(one, STEADY)).people[0] for one in (steady, flicker)]
    assert changes_a_minute(people) == pytest.approx(15.0)


def test_without_steady_faces_there_are_no_label_changes_a_minute() -> None:
    assert math.isnan(changes_a_minute(measure(watched(telling("happy"), LEFT)).people))


def test_a_row_tells_of_one_file() -> None:
    both = [track(1, 100), track(2, 400)]
    sights = film(([face(100), face(250)], both, []), ([face(100), face(400)], both, []))
    row = cells(file_table([measure(watched(sights, LEFT, RIGHT))]))
    assert row["found of visible"] == "1.50 of 2"
    assert (row["strays a frame"], row["followed"], row["ids"]) == ("0.50", "100%", "1, 1")


def test_the_summary_tells_of_one_detector() -> None:
    row = cells(summary_table({"haar": seen()}))
    assert row["faces of 32 pixels followed"] == "1 of 1 (100%)"
    assert (row["ms alone"], row["ms following"]) == ("2.00", "1.00")
    assert row["goals not met"] == "none"


def test_photos_do_not_count_for_the_milliseconds_of_a_frame() -> None:
    photo = measure(watched(telling("happy"), name="photo.png"))
    assert math.isnan(mean_ms([photo]))
    assert mean_ms([photo, *seen()]) == 1.0


def test_false_tracks_and_switches_are_told_one_by_one() -> None:
    two = (Switch(at=0.5, to="sad"), Switch(at=1.5, to="fear"))
    turning = msgspec.structs.replace(STEADY, switches=two)
    switches = measure(watched(telling(*["happy"] * 8, *["sad"] * 12), turning))
    stranger = measure(watched(film(([], [track(1, 250)], []))))
    assert remarks([switches, stranger]).splitlines() == [
        "- film.mp4: sad after 0.30 s, missed fear as sad",
        "- film.mp4: false track, frames 0 to 0, at first 200, 50, 300, 150",
    ]
