from edge.detect import Tracker, TrackerSettings
from edge.records import Face, TrackedFrame
from tests.events import face, frame

FPS = 10
SETTINGS = TrackerSettings(min_iou=0.25, min_hits=3, max_missed=0.5)


def follow(scenes: list[list[Face]], still: bool = False) -> list[TrackedFrame]:
    """Track faces through frames a tenth of a second apart."""
    tracker = Tracker(SETTINGS)
    return [
        tracker.update(frame(number / FPS, still=still), faces)
        for number, faces in enumerate(scenes)
    ]


def ids(tracked: TrackedFrame) -> list[int]:
    return [track.track_id for track in tracked.tracks]


def test_a_face_that_moves_keeps_its_id() -> None:
    seen = follow([[face(10.0 * step)] for step in range(20)])
    assert ids(seen[-1]) == [1]
    assert seen[-1].tracks[0].box == face(190.0).box


def test_a_face_is_believed_after_three_detections_and_not_before() -> None:
    assert [ids(tracked) for tracked in follow([[face(0)]] * 4)] == [[], [], [1], [1]]


def test_a_false_face_of_one_frame_never_gets_an_id() -> None:
    assert [ids(tracked) for tracked in follow([[face(0)], [], [], [], [], [], []])] == [[]] * 7


def test_a_missed_detection_leaves_the_track_alive_and_unseen() -> None:
    seen = follow([[face(0)]] * 3 + [[]] * 2 + [[face(0)]])
    assert [tracked.tracks[0].seen for tracked in seen[2:]] == [True, False, False, True]
    assert ids(seen[-1]) == [1]


def test_a_track_ends_after_its_time_and_its_id_is_not_used_again() -> None:
    seen = follow([[face(0)]] * 3 + [[]] * 7 + [[face(0)]] * 3)
    assert ids(seen[9]) == []
    assert ids(seen[-1]) == [2]


def test_a_face_that_returns_after_its_time_is_a_new_track_even_if_no_frame_came_between() -> None:
    tracker = Tracker(SETTINGS)
    for moment in (0.0, 0.1, 0.2):
        tracker.update(frame(moment), [face(0)])
    assert ids(tracker.update(frame(9.0), [face(0)])) == []


def test_two_faces_that_pass_close_by_keep_their_ids_apart() -> None:
    seen = follow([[face(0.0 + 5 * step), face(300.0 - 5 * step)] for step in range(20)])
    assert ids(seen[-1]) == [1, 2]
    assert [track.box.x1 for track in seen[-1].tracks] == [95.0, 205.0]


def test_a_face_reported_twice_at_two_sizes_is_one_track() -> None:
    assert ids(follow([[face(0, side=100), face(20, 20, side=60)]] * 5)[-1]) == [1]


def test_a_face_that_grows_at_once_is_followed_as_a_new_track_without_delay() -> None:
    seen = follow([[face(0, side=40)]] * 3 + [[face(0, side=120)]] * 3)
    assert ids(seen[-1])[-1] == 2


def test_at_equal_times_a_face_that_was_not_found_is_not_seen() -> None:
    tracker = Tracker(SETTINGS)
    for _ in range(3):
        tracker.update(frame(1.0), [face(0)])
    assert not tracker.update(frame(1.0), []).tracks[0].seen


def test_in_stills_every_face_is_believed_at_once_and_continues_none() -> None:
    seen = follow([[face(0), face(200)], [face(0)]], still=True)
    assert [ids(tracked) for tracked in seen] == [[1, 2], [3]]
