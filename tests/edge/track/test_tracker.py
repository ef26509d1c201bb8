from dataclasses import replace

import pytest

from edge.geometry import KeyPoints, Point, Shift
from edge.track.tracker import Tracker, TrackerSettings
from edge.types import Face, TrackedFrame
from tests.events import face, frame

FPS = 10
SETTINGS = TrackerSettings(min_iou=0.25, min_hits=3, min_age_s=0.0, max_age_s=0.5)


def track_all(scenes: list[list[Face]], still: bool = False) -> list[TrackedFrame]:
    """Track faces through frames a tenth of a second apart."""
    tracker = Tracker(SETTINGS)
    return [
        tracker.update(frame(number / FPS, still=still), faces)
        for number, faces in enumerate(scenes)
    ]


def looking(nose: float) -> Face:
    """Return a face with landmarks; its nose at x = 50 looks at the camera."""
    points = KeyPoints(Point(30, 35), Point(70, 35), Point(nose, 55), Point(50, 75))
    return replace(face(0.0), points=points)


def ids(tracked: TrackedFrame) -> list[int]:
    return [track.track_id for track in tracked.tracks]


def test_a_face_that_moves_keeps_its_id() -> None:
    seen = track_all([[face(10.0 * step)] for step in range(20)])
    assert ids(seen[-1]) == [1]
    assert seen[-1].tracks[0].box == face(190.0).box


def test_a_face_is_confirmed_after_three_detections_and_not_before() -> None:
    assert [ids(tracked) for tracked in track_all([[face(0)]] * 4)] == [[], [], [1], [1]]


def test_a_face_is_confirmed_only_after_an_eighth_of_a_second_however_many_frames_that_is() -> None:
    tracker = Tracker(TrackerSettings())
    fast = [ids(tracker.update(frame(number / 30), [face(0)])) for number in range(6)]
    assert fast == [[], [], [], [], [1], [1]]
    tracker = Tracker(TrackerSettings())
    slow = [ids(tracker.update(frame(number / 12), [face(0)])) for number in range(4)]
    assert slow == [[], [], [1], [1]]


def test_a_false_face_of_one_frame_never_gets_an_id() -> None:
    assert [ids(tracked) for tracked in track_all([[face(0)], [], [], [], [], [], []])] == [[]] * 7


def test_a_missed_detection_leaves_the_track_alive_and_unseen() -> None:
    seen = track_all([[face(0)]] * 3 + [[]] * 2 + [[face(0)]])
    assert [tracked.tracks[0].seen for tracked in seen[2:]] == [True, False, False, True]
    assert ids(seen[-1]) == [1]


def test_a_face_that_stopped_where_it_was_hidden_keeps_its_id() -> None:
    moving = [[face(40.0 * step)] for step in range(5)]
    seen = track_all([*moving, [], [], [], [face(160.0)]])
    assert ids(seen[-1]) == [1]
    assert seen[-1].tracks[0].seen
    assert seen[-1].tracks[0].box == face(160.0).box


def test_of_two_faces_each_keeps_its_id_where_one_stops_and_one_goes_on() -> None:
    moving = [[face(40.0 * step), face(40.0 * step, y=400.0)] for step in range(5)]
    seen = track_all([*moving, [], [], [face(160.0), face(280.0, y=400.0)]])
    places = {track.track_id: track.box.x1 for track in seen[-1].tracks}
    assert places == {1: face(160.0).box.x1, 2: face(280.0).box.x1}


def test_a_track_ends_after_its_time_and_its_id_is_not_used_again() -> None:
    seen = track_all([[face(0)]] * 3 + [[]] * 7 + [[face(0)]] * 3)
    assert ids(seen[9]) == []
    assert ids(seen[-1]) == [2]


def test_a_face_that_returns_after_its_time_is_a_new_track_even_if_no_frame_came_between() -> None:
    tracker = Tracker(SETTINGS)
    for moment in (0.0, 0.1, 0.2):
        tracker.update(frame(moment), [face(0)])
    assert ids(tracker.update(frame(9.0), [face(0)])) == []


def test_two_faces_that_pass_close_by_keep_their_ids_apart() -> None:
    seen = track_all([[face(0.0 + 5 * step), face(300.0 - 5 * step)] for step in range(20)])
    assert ids(seen[-1]) == [1, 2]
    assert [track.box.x1 for track in seen[-1].tracks] == [95.0, 205.0]


def test_a_face_reported_twice_at_two_sizes_is_one_track() -> None:
    assert ids(track_all([[face(0, side=100), face(20, 20, side=60)]] * 5)[-1]) == [1]


def test_a_face_that_grows_at_once_is_followed_as_a_new_track_without_delay() -> None:
    seen = track_all([[face(0, side=40)]] * 3 + [[face(0, side=120)]] * 3)
    assert ids(seen[-1])[-1] == 2


def test_at_equal_times_a_face_that_was_not_found_is_not_seen() -> None:
    tracker = Tracker(SETTINGS)
    for _ in range(3):
        tracker.update(frame(1.0), [face(0)])
    assert not tracker.update(frame(1.0), []).tracks[0].seen


def test_in_stills_every_face_is_confirmed_at_once_and_continues_none() -> None:
    seen = track_all([[face(0), face(200)], [face(0)]], still=True)
    assert [ids(tracked) for tracked in seen] == [[1, 2], [3]]


def test_a_hidden_face_that_was_walking_is_expected_further_on() -> None:
    seen = track_all([[face(20.0 * step)] for step in range(20)] + [[]] * 3)
    before, after = (seen[number].tracks[0].box.x1 for number in (19, 22))
    assert after - before == pytest.approx(60, abs=3)


def test_a_face_that_walks_behind_a_pillar_comes_out_as_itself() -> None:
    scenes = [[face(40.0 * step)] for step in range(30)]
    scenes[20:24] = [[]] * 4
    assert ids(track_all(scenes)[-1]) == [1]


def test_a_face_that_is_hidden_where_it_stands_comes_back_as_itself() -> None:
    jitter = [[face(3.0 * (step % 2), 2.0 * (step % 3))] for step in range(20)]
    assert ids(track_all([*jitter, [], [], [], [], [face(1.0)]])[-1]) == [1]


def test_of_two_faces_that_cross_the_hidden_one_keeps_its_id() -> None:
    left = [face(30.0 * step) for step in range(20)]
    right = [face(600.0 - 30.0 * step) for step in range(20)]
    scenes = [[one, other] for one, other in zip(left, right, strict=True)]
    for step in range(9, 12):  # the nearer face hides the other
        scenes[step] = [left[step]]
    last = {track.track_id: track.box.x1 for track in track_all(scenes)[-1].tracks}
    assert last == {1: pytest.approx(570.0), 2: pytest.approx(30.0)}


def test_two_faces_never_share_a_track() -> None:
    seen = track_all([[face(0), face(70)]] * 4 + [[face(35)]] * 3)
    assert all(len(set(ids(tracked))) == len(tracked.tracks) for tracked in seen)
    assert sum(track.seen for track in seen[-1].tracks) == 1


def test_a_false_face_that_flickers_is_not_confirmed_however_long_it_lasts() -> None:
    seen = track_all([[face(0)], [], []] * 10)
    assert [ids(tracked) for tracked in seen] == [[]] * 30


def test_a_profile_begins_no_track_and_continues_one() -> None:
    profile, frontal = looking(10.0), looking(50.0)
    assert ids(track_all([[profile]] * 10)[-1]) == []
    seen = track_all([[frontal]] * 3 + [[profile]] * 10)
    assert [track.seen for track in seen[-1].tracks] == [True]


def test_a_propagated_track_moves_with_its_face_and_takes_its_landmarks_along() -> None:
    tracker = Tracker(SETTINGS)
    for moment in (0.0, 0.1, 0.2):
        tracker.update(frame(moment), [looking(50.0)])
    (track,) = tracker.propagate(frame(0.3), lambda box: Shift(5.0, -2.0)).tracks
    assert track.seen
    assert track.box.x1 == 5.0
    assert track.points is not None
    assert track.points.nose == Point(55.0, 53.0)
    assert not tracker.needs_detection


def test_a_track_that_cannot_be_propagated_is_not_seen_and_calls_for_the_detector() -> None:
    tracker = Tracker(SETTINGS)
    for moment in (0.0, 0.1, 0.2):
        tracker.update(frame(moment), [face(0)])
    assert not tracker.propagate(frame(0.3), lambda box: None).tracks[0].seen
    assert tracker.needs_detection


def test_what_the_detector_missed_is_not_propagated() -> None:
    tracker = Tracker(SETTINGS)
    for moment in (0.0, 0.1, 0.2):
        tracker.update(frame(moment), [face(0)])
    tracker.update(frame(0.3), [])
    for moment in (0.4, 0.5, 0.6):
        tracked = tracker.propagate(frame(moment), lambda box: Shift(0.0, 0.0))
        assert not tracked.tracks[0].seen
    assert tracker.propagate(frame(0.8), lambda box: Shift(0.0, 0.0)).tracks == ()


def test_propagation_alone_keeps_a_track_alive_and_confirms_no_tentative_track() -> None:
    tracker = Tracker(SETTINGS)
    tracker.update(frame(0.0), [face(0)])
    for step in range(1, 30):
        assert tracker.propagate(frame(step / FPS), lambda box: Shift(0.0, 0.0)).tracks == ()
    assert tracker.boxes == [face(0).box]


def test_a_face_reported_twice_never_continues_two_tracks() -> None:
    apart = [[face(0), face(150)]] * 3
    twice = [[face(0), face(10, 5, side=95)]] * 4
    seen = track_all([*apart, [face(0), face(60)], *twice])
    assert [track.track_id for track in seen[-1].tracks if track.seen] == [1]


def test_a_face_that_was_lost_is_not_found_again_in_what_hides_it() -> None:
    tracker = Tracker(SETTINGS)
    for moment in (0.0, 0.1, 0.2):
        tracker.update(frame(moment), [face(0)])
    tracker.propagate(frame(0.3), lambda box: None)
    (track,) = tracker.propagate(frame(0.4), lambda box: Shift(0.0, 0.0)).tracks
    assert not track.seen
    assert tracker.needs_detection


def test_in_a_still_a_profile_is_a_face_too() -> None:
    assert ids(track_all([[looking(10.0)]], still=True)[0]) == [1]


def test_a_cleared_tracker_knows_nobody_and_uses_no_id_again() -> None:
    tracker = Tracker(TrackerSettings(min_hits=1, min_age_s=0.0))
    tracker.update(frame(0.0), [face(0)])
    tracker.clear()
    assert ids(tracker.update(frame(0.1), [face(0)])) == [2]


def test_a_detection_without_area_hides_no_other() -> None:
    nothing = face(30, side=0)
    seen = track_all([[nothing, face(0)], [nothing, face(0)]] * 3)
    assert face(0).box in [track.box for track in seen[-1].tracks]


def test_what_the_detector_found_is_suspected_confirmed_or_not() -> None:
    turned = looking(nose=90)
    seen = track_all([[face(0)], [face(0), turned], [face(0)]])
    assert [box.center.x for box in seen[0].candidate_boxes] == [50.0, 50.0]  # found, and tentative
    assert turned.box in seen[1].candidate_boxes
    assert seen[2].candidate_boxes == (face(0).box,)


def test_a_tentative_face_is_suspected_in_frames_that_the_detector_did_not_look_at() -> None:
    tracker = Tracker(SETTINGS)
    tracker.update(frame(0.0), [face(0)])
    propagated = tracker.propagate(frame(0.1), lambda box: Shift(5.0, 0.0))
    assert propagated.tracks == ()
    assert any(box.x1 == pytest.approx(5.0) for box in propagated.candidate_boxes)


def test_nothing_is_suspected_after_a_cut() -> None:
    tracker = Tracker(SETTINGS)
    tracker.update(frame(0.0), [face(0)])
    tracker.clear()
    assert tracker.propagate(frame(0.1), lambda box: None).candidate_boxes == ()
