import math

import msgspec
import pytest

from edge.geometry import Box
from edge.types import UNCERTAIN
from tests.tools.tracking_eval.made import (
    LEFT,
    RIGHT,
    box,
    face,
    labeled,
    result,
    showing,
    track,
    video,
)
from tools.tracking_eval.clips import ExpressionChange, LabeledFace
from tools.tracking_eval.metrics import FalseTrack, label_changes, measure

STEADY = msgspec.structs.replace(LEFT, expression="neutral")
TURNING = msgspec.structs.replace(STEADY, switches=(ExpressionChange(at=1.0, to="happy"),))


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (box(100), True),
        (box(119), True),
        (box(121), False),
        (box(100, height=51), True),
        (box(100, height=49), False),
        (box(100, height=201), False),
    ],
)
def test_a_box_is_of_a_face_where_its_centre_and_height_are(seen: Box, shown: bool) -> None:
    assert LEFT.matches(seen) is shown


def test_a_detection_counts_for_the_person_it_is_of_and_strays_are_counted() -> None:
    both, one_and_a_stray = [face(100), face(400)], [face(100), face(250)]
    figures = measure(result(video((both, [], []), (one_and_a_stray, [], [])), LEFT, RIGHT))
    assert [person.detected for person in figures.faces] == [1.0, 0.5]
    assert figures.false_positives == 0.5


def test_frames_before_a_face_is_visible_do_not_count() -> None:
    late = msgspec.structs.replace(LEFT, first=1)
    figures = measure(result(video(([], [], []), ([face(100)], [track(1, 100)], [])), late))
    assert (figures.faces[0].detected, figures.faces[0].tracked) == (1.0, 1.0)


def test_a_face_counts_as_followed_from_the_first_frame_in_which_it_could_be() -> None:
    frames = video(*[([face(100)], [], [])] * 4, *[([face(100)], [track(1, 100)], [])] * 6)
    assert measure(result(frames, LEFT, min_hits=5)).faces[0].tracked == 1.0
    assert measure(result(frames, LEFT, min_hits=1)).faces[0].tracked == 0.6


def test_a_video_too_short_for_a_track_says_nothing_of_following() -> None:
    figures = measure(result(video(([face(100)], [], [])), LEFT, min_hits=5))
    assert math.isnan(figures.faces[0].tracked)


def test_a_track_of_nobody_for_most_of_its_life_is_false() -> None:
    passing = video(*(([], [track(1, x)], []) for x in (100, 200, 250)))
    figures = measure(result(passing, LEFT))
    assert figures.false_tracks == (FalseTrack(box(100), 0, 2),)
    assert (figures.false_events, figures.faces[0].ids) == (0, 0)


def test_a_false_track_that_was_told_of_is_a_false_event() -> None:
    wall = track(1, 250)
    figures = measure(result(video(([], [wall], [labeled(wall, "happy")])), LEFT))
    assert (len(figures.false_tracks), figures.false_events) == (1, 1)


def test_in_a_picture_of_nobody_every_track_is_false() -> None:
    assert len(measure(result(video(([], [track(1, 100)], [])))).false_tracks) == 1


def test_a_second_track_of_the_same_face_is_an_id_switch_even_after_a_gap() -> None:
    frames = video(([], [track(1, 100)], []), ([], [], []), ([], [track(2, 100)], []))
    person = measure(result(frames, LEFT)).faces[0]
    assert (person.ids, person.id_switches) == (2, 1)


def test_tracks_that_change_places_are_an_id_switch_of_each_person() -> None:
    frames = video(
        *[([], [track(1, 100), track(2, 400)], [])] * 3, ([], [track(1, 400), track(2, 100)], [])
    )
    faces = measure(result(frames, LEFT, RIGHT)).faces
    assert [(person.ids, person.id_switches) for person in faces] == [(1, 1), (1, 1)]


def test_a_second_track_beside_the_first_is_another_id_and_no_switch() -> None:
    frames = video(([], [track(1, 100)], []), ([], [track(1, 100), track(2, 110)], []))
    person = measure(result(frames, LEFT)).faces[0]
    assert (person.ids, person.id_switches) == (2, 0)


def test_the_size_of_a_face_is_that_in_a_frame_of_640_pixels() -> None:
    assert measure(result(showing("happy"), LEFT, width=1280)).faces[0].size == 50.0


def test_every_change_of_label_of_a_steady_face_is_in_excess() -> None:
    person = measure(result(showing("neutral", "happy", "neutral", "neutral"), STEADY)).faces[0]
    assert person.excess == 2
    assert person.seconds == pytest.approx(0.3)


def test_a_face_of_which_no_expression_is_known_counts_for_no_label_changes() -> None:
    person = measure(result(showing("neutral", "happy"), LEFT)).faces[0]
    assert (person.excess, person.seconds) == (0, 0.0)


def test_uncertain_is_passed_over_in_label_changes_and_counted_by_itself() -> None:
    person = measure(result(showing("happy", UNCERTAIN, "happy", UNCERTAIN), STEADY)).faces[0]
    assert (person.excess, person.uncertain) == (0, 0.5)


def test_a_label_chosen_late_is_no_change() -> None:
    assert len(label_changes([(0.0, None), (0.1, "happy"), (0.2, "happy")])) == 1


def test_the_latency_of_a_switch_is_from_the_middle_of_the_turn_to_the_label() -> None:
    frames = showing(*["neutral"] * 13, *["happy"] * 5)
    person = measure(result(frames, TURNING)).faces[0]
    assert [one.to for one in person.latencies] == ["happy"]
    assert person.latencies[0].seconds == pytest.approx(0.3)
    assert (person.excess, person.missed) == (0, ())


def test_a_label_that_follows_a_switch_by_a_detour_is_one_change_in_excess() -> None:
    frames = showing(*["neutral"] * 11, "fear", *["happy"] * 5)
    person = measure(result(frames, TURNING)).faces[0]
    assert person.excess == 1
    assert [one.seconds for one in person.latencies] == pytest.approx([0.2])


def test_a_switch_that_no_label_followed_is_missed_and_what_was_told_is_named() -> None:
    person = measure(result(showing(*["neutral"] * 20), TURNING)).faces[0]
    assert (person.latencies, person.missed) == ((), ("happy as neutral",))


def test_a_label_told_before_the_face_showed_it_follows_no_switch() -> None:
    person = measure(result(showing("neutral", *["happy"] * 19), TURNING)).faces[0]
    assert (person.excess, person.missed) == (1, ("happy, told before",))


def test_milliseconds_are_means_of_the_frames() -> None:
    figures = measure(result(showing("happy", "happy"), LabeledFace(region=(0, 0, 1, 1), height=1)))
    assert (figures.detect_ms, figures.track_ms, figures.detector_share) == (2.0, 1.0, 1.0)
