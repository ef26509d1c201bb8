from dataclasses import replace

import numpy as np

from edge.publish.events import EventGenerator
from edge.types import UNCERTAIN, EmotionEvent, EventType, Expression, Reason, Track
from tests.events import QUALITY, face, frame


def happy(track_id: int = 1) -> Expression:
    shares = {"happy": 0.9, "sad": 0.1}
    return Expression(Track(track_id, face(0).box, True), "happy", shares, QUALITY)


def sad(track_id: int = 1) -> Expression:
    shares = {"happy": 0.2, "sad": 0.8}
    return Expression(Track(track_id, face(5).box, True), "sad", shares, QUALITY)


def unread(*reasons: Reason) -> Expression:
    return Expression(Track(1, face(0).box, True), UNCERTAIN, None, QUALITY, reasons)


def live(*scenes: list[Expression]) -> list[EmotionEvent]:
    """Return the events of frames a second apart, and of the end."""
    generator = EventGenerator("shallow-int8", "haar")
    events = []
    for second, expressions in enumerate(scenes):
        events += generator.update(frame(float(second)), expressions)
    return events + generator.end_all(now=0.0)


def kinds(events: list[EmotionEvent]) -> list[tuple[str, int, str]]:
    return [(event.type.value, event.track_id, event.emotion) for event in events]


def test_a_face_starts_changes_and_ends() -> None:
    events = live([happy()], [happy()], [sad()], [])
    assert kinds(events) == [("start", 1, "happy"), ("change", 1, "sad"), ("end", 1, "sad")]


def test_the_duration_runs_from_the_start_event_to_the_last_sight() -> None:
    assert [event.duration for event in live([], [happy()], [sad()], [])] == [0, 1, 1]


def test_an_event_of_a_film_tells_where_in_it_that_is_an_end_where_the_face_was_last_seen() -> None:
    generator = EventGenerator("m", "d", is_video=True)
    events = [
        *generator.update(frame(0.0), [happy()]),
        *generator.update(frame(1.0), [sad()]),
        *generator.update(frame(2.0), []),
    ]
    assert [event.position for event in events] == [0.0, 1.0, 1.0]


def test_an_event_of_a_camera_has_no_position() -> None:
    assert {event.position for event in live([happy()], [])} == {None}


def test_an_end_tells_the_frame_the_face_was_last_seen_in() -> None:
    generator = EventGenerator("m", "d")
    hidden = replace(happy(), track=replace(happy().track, seen=False))
    generator.update(frame(0.0), [happy()])
    generator.update(frame(1.0, image=np.zeros((9, 9, 3), np.uint8)), [hidden])
    (end,) = generator.update(frame(2.0, image=np.zeros((9, 9, 3), np.uint8)), [])
    assert end.frame_size == (64, 48)
    assert end.duration == 0


def test_a_box_is_where_the_face_was_last_seen_not_where_it_would_be_by_now() -> None:
    gone = replace(sad(), track=Track(1, face(500).box, seen=False))
    events = live([happy()], [gone], [gone])
    assert [event.box for event in events] == [face(0).box] * 3
    assert [event.emotion for event in events] == ["happy", "sad", "sad"]


def test_every_start_has_its_end_also_when_everything_stops() -> None:
    events = live([happy(1)], [happy(1), sad(2)])
    assert kinds(events)[-2:] == [("end", 1, "happy"), ("end", 2, "sad")]


def test_nothing_is_said_while_nothing_changes() -> None:
    assert len(live(*[[happy()]] * 100)) == 2


def test_the_confidence_is_the_probability_of_the_label() -> None:
    (start, _) = live([sad()])
    assert start.confidence == 0.8
    assert start.type is EventType.START


def test_a_face_that_can_no_longer_be_read_changes_to_uncertain_and_claims_nothing() -> None:
    (_, change, end) = live([happy()], [unread(Reason.DARK)], [])
    assert (change.type, change.emotion, change.reasons) == ("change", "uncertain", ("dark",))
    assert (change.confidence, change.probabilities) == (None, None)
    assert end.emotion == "uncertain"


def test_another_reason_for_the_same_uncertainty_is_no_event() -> None:
    events = live([unread(Reason.DARK)], [unread(Reason.BLURRED)])
    assert kinds(events) == [("start", 1, "uncertain"), ("end", 1, "uncertain")]
    assert events[-1].reasons == ("blurred",)


def test_ids_are_unique() -> None:
    events = live(*[[happy()], [sad()]] * 50)
    assert len({event.id for event in events}) == len(events)


def test_each_generator_has_a_run_of_its_own_unless_it_is_given_one() -> None:
    first, second = (live([happy()], [sad()]) for _ in range(2))
    assert len({event.run for event in first}) == 1
    assert first[0].run != second[0].run
    assert EventGenerator("m", "d", run="0a1b2c3d").run == "0a1b2c3d"


def test_an_end_without_any_frame_says_nothing() -> None:
    assert EventGenerator("m", "d").end_all(now=0.0) == []
