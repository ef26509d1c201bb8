from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from edge.publish.mqtt.sink import DeviceState
from edge.types import CameraState, EmotionEvent, EventType, Quality
from tests.events import QUALITY, event, expression, sight, status, uncertain


def state(*events: EmotionEvent) -> Any:
    """Return the payload after `events`."""
    known = DeviceState()
    for one in events:
        known.update(one)
    return msgspec.json.decode(known.encode())


def shown(emotion: str, share: float, **fields: Any) -> EmotionEvent:
    """Return the event of a face that shows `emotion`, and for the rest is neutral."""
    shares = {emotion: share, "neutral": round(1 - share, 4)}
    return event(emotion=emotion, probabilities=shares, **fields)


def test_there_is_no_face_at_first_and_after_every_end_event() -> None:
    nobody = {
        "faces": 0,
        "emotion": None,
        "confidence": None,
        "probabilities": None,
        "looking": False,
    }
    assert state() == nobody
    assert state(event(EventType.START), event(EventType.END)) == nobody


def test_the_dominant_emotion_has_most_confidence_over_all_faces() -> None:
    after = state(
        shown("sad", 0.9, track_id=1),
        shown("happy", 0.5, track_id=2),
        shown("happy", 0.7, track_id=3),
    )
    assert (after["faces"], after["emotion"], after["confidence"]) == (3, "happy", 0.6)


def test_faces_of_two_runs_are_two_under_one_number() -> None:
    other = event(run="ffffffff")
    assert state(event(), other)["faces"] == 2
    assert state(event(), other, event(EventType.END))["faces"] == 1


def test_a_face_that_is_uncertain_counts_and_outweighs_no_other() -> None:
    after = state(uncertain(track_id=1), uncertain(track_id=2), shown("happy", 0.4, track_id=3))
    assert (after["faces"], after["emotion"], after["confidence"]) == (3, "happy", 0.4)
    assert after["probabilities"] == {"happy": 0.4, "neutral": 0.6}


def test_where_all_faces_are_uncertain_so_is_the_emotion() -> None:
    assert state(uncertain()) == {
        "faces": 1,
        "emotion": "uncertain",
        "confidence": None,
        "probabilities": None,
        "looking": None,
    }


def test_a_change_replaces_what_was_known_of_a_face() -> None:
    after = state(shown("sad", 0.8), shown("happy", 0.7, kind=EventType.CHANGE))
    assert (after["faces"], after["emotion"]) == (1, "happy")


def test_the_end_of_an_unknown_face_is_passed_over() -> None:
    assert state(event(EventType.END, track_id=9))["faces"] == 0


def test_probabilities_are_the_mean_of_all_faces_that_can_be_read() -> None:
    after = state(shown("happy", 0.8, track_id=1), shown("happy", 0.4, track_id=2))
    assert after["probabilities"] == {"happy": 0.6, "neutral": 0.4}


def test_a_snapshot_renews_the_numbers_of_a_known_face_and_adds_no_other() -> None:
    known = DeviceState()
    known.update(shown("happy", 0.8, track_id=1))
    known.update_faces(
        sight(
            expression(1, probabilities={"happy": 0.9, "neutral": 0.1}),
            expression(2, probabilities={"happy": 0.5, "neutral": 0.5}),
        )
    )
    after = msgspec.json.decode(known.encode())
    assert (after["faces"], after["confidence"]) == (1, 0.9)


def test_a_snapshot_does_not_contradict_the_last_event_of_a_face() -> None:
    known = DeviceState()
    known.update(shown("happy", 0.8))
    known.update_faces(
        sight(expression(1, "neutral", probabilities={"happy": 0.1, "neutral": 0.9}))
    )
    after = msgspec.json.decode(known.encode())
    assert (after["emotion"], after["confidence"]) == ("happy", 0.8)


def test_faces_read_by_two_models_are_not_averaged_over_different_classes() -> None:
    other = event(emotion="calm", probabilities={"calm": 0.7, "tense": 0.3}, track_id=2)
    assert state(shown("happy", 0.8, track_id=1), other)["probabilities"] == {
        "calm": 0.7,
        "tense": 0.3,
    }


def turned(yaw: float | None, roll: float | None = 0.0) -> Quality:
    return replace(QUALITY, yaw=yaw, roll=None if yaw is None else roll)


@pytest.mark.parametrize(
    ("qualities", "looking"),
    [
        ([turned(0.0)], True),
        ([turned(-14.0), turned(60.0)], True),
        ([turned(-20.0), turned(0.0, roll=-40.0)], False),
        ([turned(None), turned(20.0)], False),
        ([turned(None), turned(None)], None),
        ([], False),
    ],
)
def test_somebody_is_looking_whose_head_is_turned_to_the_camera(
    qualities: list[Quality], looking: bool | None
) -> None:
    events = [event(track_id=number, quality=one) for number, one in enumerate(qualities, 1)]
    assert state(*events)["looking"] is looking


def test_a_head_that_turns_away_is_told_by_the_next_snapshot_without_an_event() -> None:
    known = DeviceState()
    known.update(event(quality=turned(0.0)))
    known.update_faces(sight(replace(expression(1), quality=turned(50.0))))
    assert msgspec.json.decode(known.encode())["looking"] is False


def test_the_faces_of_each_zone_of_the_config_are_counted() -> None:
    known = DeviceState()
    known.set_status(status(zones=("door", "desk")))
    known.update(event(track_id=1, zones=("door",)))
    known.update(event(track_id=2, zones=("door", "desk")))
    known.update(event(EventType.ZONE, track_id=2, zones=("door",)))
    assert msgspec.json.decode(known.encode())["zones"] == {"door": 2, "desk": 0}
    known.update(event(EventType.END, track_id=1, zones=("door",)))
    assert msgspec.json.decode(known.encode())["zones"] == {"door": 1, "desk": 0}


def test_the_status_of_the_daemon_stands_beside_the_faces() -> None:
    known = DeviceState()
    until = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    known.set_status(status(camera=CameraState.PAUSED, paused_until=until))
    after = msgspec.json.decode(known.encode())
    assert (after["camera"], after["paused_until"]) == ("paused", "2026-01-02T03:04:05.000Z")
    assert (after["model"], after["detector"]) == ("shallow-int8", "builtin")


def test_valence_and_arousal_are_means_over_the_faces_that_have_them() -> None:
    faces = [event(track_id=1, affect=(0.5, 0.2)), event(track_id=2, affect=(-0.1, 0.4))]
    after = state(*faces, uncertain(track_id=3))
    assert (after["valence"], after["arousal"]) == (0.2, 0.3)
    assert not {"valence", "arousal"} & state(event()).keys()
