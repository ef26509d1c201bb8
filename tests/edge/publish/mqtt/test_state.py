from typing import Any

import msgspec

from edge.publish.state import State
from edge.records import EmotionEvent, EventType
from tests.events import event, uncertain


def state(*events: EmotionEvent) -> Any:
    """Return the payload after `events`."""
    known = State()
    for one in events:
        known.update(one)
    return msgspec.json.decode(known.encode())


def test_nobody_is_there_at_first_and_after_every_end() -> None:
    nobody = {"faces": 0, "emotion": None, "confidence": None}
    assert state() == nobody
    assert state(event(EventType.START), event(EventType.END)) == nobody


def test_the_dominant_emotion_has_most_confidence_over_all_faces() -> None:
    assert state(
        event(track_id=1, emotion="sad", confidence=0.9),
        event(track_id=2, emotion="happy", confidence=0.5),
        event(track_id=3, emotion="happy", confidence=0.7),
    ) == {"faces": 3, "emotion": "happy", "confidence": 0.6}


def test_a_face_that_is_uncertain_counts_and_outweighs_no_other() -> None:
    assert state(
        uncertain(track_id=1),
        uncertain(track_id=2),
        event(track_id=3, emotion="happy", confidence=0.4),
    ) == {"faces": 3, "emotion": "happy", "confidence": 0.4}


def test_where_all_faces_are_uncertain_so_is_the_emotion() -> None:
    assert state(uncertain()) == {"faces": 1, "emotion": "uncertain", "confidence": None}


def test_a_change_replaces_what_was_known_of_a_face() -> None:
    after = state(event(emotion="sad"), event(EventType.CHANGE, emotion="happy"))
    assert (after["faces"], after["emotion"]) == (1, "happy")


def test_the_end_of_an_unknown_face_is_passed_over() -> None:
    assert state(event(EventType.END, track_id=9))["faces"] == 0
