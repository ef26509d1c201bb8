import math

import msgspec
import pytest

from tests.tools.tracking_eval.made import LEFT, RIGHT, face, result, showing, track, video
from tools.tracking_eval.clips import ExpressionChange
from tools.tracking_eval.metrics import ClipMetrics, measure
from tools.tracking_eval.tables import (
    changes_a_minute,
    clip_table,
    mean_ms,
    missed_goals,
    remarks,
    summary_table,
)

STEADY = msgspec.structs.replace(LEFT, expression="happy")


def cells(table: str) -> dict[str, str]:
    """Return the last row of a table by its columns."""
    head, *_, last = (line.strip("| ").split(" | ") for line in table.splitlines())
    return dict(zip(head, last, strict=True))


def seen() -> list[ClipMetrics]:
    """Return the figures of a face that was found, tracked and told without fail."""
    return [measure(result(showing(*["happy"] * 11), STEADY))]


def test_a_detector_that_does_everything_right_misses_no_goal() -> None:
    assert missed_goals(seen()) == []


def test_a_face_of_32_pixels_that_was_never_followed_misses_the_goal_and_a_smaller_one_does_not() -> (
    None
):
    def figures(width: int) -> list[ClipMetrics]:
        return [measure(result(video(([], [], [])), LEFT, width=width))]

    assert missed_goals(figures(2000)) == ["every large face"]
    assert missed_goals(figures(2001)) == []


def test_each_fault_is_named_by_the_goal_it_misses() -> None:
    stranger = measure(result(video(([], [track(1, 250)], []))))
    twice = measure(result(video(([], [track(1, 100)], []), ([], [track(2, 100)], [])), LEFT))
    flicker = measure(result(showing("happy", "sad", "happy"), STEADY))
    turning = msgspec.structs.replace(STEADY, switches=(ExpressionChange(at=0.5, to="sad"),))
    late = measure(result(showing(*["happy"] * 15, "sad"), turning))
    missing = [missed_goals([one]) for one in (stranger, twice, flicker, late)]
    assert missing == [["no false track"], ["one id each"], ["label changes"], ["switch latency"]]


def test_label_changes_a_minute_are_over_all_steady_faces_together() -> None:
    steady, flicker = showing(*["happy"] * 21), showing("happy", *["sad"] * 20)
    faces = [measure(result(one, STEADY)).faces[0] for one in (steady, flicker)]
    assert changes_a_minute(faces) == pytest.approx(15.0)


def test_without_steady_faces_there_are_no_label_changes_a_minute() -> None:
    assert math.isnan(changes_a_minute(measure(result(showing("happy"), LEFT)).faces))


def test_a_row_tells_of_one_file() -> None:
    both = [track(1, 100), track(2, 400)]
    frames = video(([face(100), face(250)], both, []), ([face(100), face(400)], both, []))
    row = cells(clip_table([measure(result(frames, LEFT, RIGHT))]))
    assert row["detected of visible"] == "1.50 of 2"
    assert (row["false positives a frame"], row["tracked"], row["ids"]) == ("0.50", "100%", "1, 1")


def test_the_summary_tells_of_one_detector() -> None:
    row = cells(summary_table({"haar": seen()}))
    assert row["faces of 32 pixels tracked"] == "1 of 1 (100%)"
    assert (row["ms alone"], row["ms tracking"]) == ("2.00", "1.00")
    assert row["goals missed"] == "none"


def test_photos_do_not_count_for_the_milliseconds_of_a_frame() -> None:
    photo = measure(result(showing("happy"), name="photo.png"))
    assert math.isnan(mean_ms([photo]))
    assert mean_ms([photo, *seen()]) == 1.0


def test_false_tracks_and_switches_are_told_one_by_one() -> None:
    two = (ExpressionChange(at=0.5, to="sad"), ExpressionChange(at=1.5, to="fear"))
    turning = msgspec.structs.replace(STEADY, switches=two)
    switches = measure(result(showing(*["happy"] * 8, *["sad"] * 12), turning))
    stranger = measure(result(video(([], [track(1, 250)], []))))
    assert remarks([switches, stranger]).splitlines() == [
        "- video.mp4: sad after 0.30 s, missed fear as sad",
        "- video.mp4: false track, frames 0 to 0, at first 200, 50, 300, 150",
    ]
