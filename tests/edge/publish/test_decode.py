"""Events read back from their payloads."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from edge.geometry import Box
from edge.publish.events import decode_event, encode_event
from edge.types import UNCERTAIN, EmotionEvent, EventType, Quality, Reason, Track
from tests import schema
from tests.events import event, uncertain

share = some.floats(0, 1)
balance = some.floats(-1, 1)
pixels = some.floats(-1e4, 1e4)
grey = some.floats(0, 255)


@some.composite
def events(draw: some.DrawFn) -> EmotionEvent:
    labels = draw(some.lists(some.text(min_size=1), min_size=2, max_size=5, unique=True))
    labels = [label for label in labels if label != UNCERTAIN] or ["happy", "sad"]
    shares = {label: draw(share) for label in [*labels, "neutral"]}
    emotion = draw(some.sampled_from([*shares, UNCERTAIN]))
    read = emotion != UNCERTAIN
    reasons = some.lists(some.sampled_from(Reason), min_size=1, unique=True)
    return EmotionEvent(
        track=Track(
            draw(some.integers(1, 2**40)),
            Box(draw(pixels), draw(pixels), draw(pixels), draw(pixels)),
            seen=True,
        ),
        id=str(draw(some.uuids())),
        time=draw(some.datetimes(datetime(1970, 1, 1), timezones=some.just(UTC))),
        type=draw(some.sampled_from(EventType)),
        emotion=emotion,
        probabilities=shares if read else None,
        quality=Quality(
            draw(some.floats(0, 1e4)),
            draw(some.floats(0, 10)),
            draw(grey),
            draw(grey),
            draw(some.none() | some.floats(-90, 90)),
            draw(some.none() | some.floats(-180, 180)),
        ),
        reasons=() if read else tuple(draw(reasons)),
        frame_size=(draw(some.integers(1, 10_000)), draw(some.integers(1, 10_000))),
        duration=draw(some.floats(0, 1e6)),
        model=draw(some.text()),
        detector=draw(some.text()),
        captured=0.0,
        latency=draw(some.floats(0, 1e3)),
        affect=draw(some.none() | some.tuples(balance, balance)),
        run=draw(some.from_regex(r"[0-9a-f]{8}", fullmatch=True)),
    )


@given(events())
def test_a_decoded_event_is_encoded_in_the_very_same_bytes(one: EmotionEvent) -> None:
    payload = encode_event(one)
    assert encode_event(decode_event(payload)) == payload


def test_a_decoded_event_equals_the_encoded_one() -> None:
    taken = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    quality = Quality(88.1, 0.0812, 120.5, 45.4, yaw=-12.3, roll=None)
    told = uncertain(EventType.CHANGE, 7, time=taken, quality=quality, duration=1.235)
    assert decode_event(encode_event(told)) == told


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1"},
        {"type": "begin"},
        {"track_id": 0},
        {"track_id": "1"},
        {"confidence": 1.5},
        {"valence": 1.5, "arousal": 0.0},
        {"confidence": None},
        {"confidence": "0.8"},
        {"probabilities": {"happy": 1.0}},
        {"probabilities": {"happy": 0.8, "sad": -0.1}},
        {"emotion": ""},
        {"emotion": "uncertain"},
        {"reasons": ["dark"]},
        {"reasons": ["ugly"]},
        {"time": "now"},
        {"time": "2026-01-02T03:04:05.678"},
        {"quality": {}},
        {"extra": 1},
        {"box": [1, 2, 3]},
        {"frame": {"width": 0, "height": 480}},
        {"duration": -1.0},
        {"run": "1"},
        {"reason": "restart"},
        {"type": "end", "reason": "sleep"},
    ],
)
def test_what_the_schema_refuses_is_not_decoded(change: dict[str, Any]) -> None:
    payload = {**msgspec.json.decode(encode_event(event())), **change}
    assert not schema.EVENT.is_valid(payload)
    with pytest.raises(msgspec.DecodeError):
        decode_event(msgspec.json.encode(payload))


def test_an_event_of_before_there_were_runs_is_decoded_without_one() -> None:
    payload = msgspec.json.decode(encode_event(event()))
    now = decode_event(msgspec.json.encode(payload))
    del payload["run"]
    assert decode_event(msgspec.json.encode(payload)) == replace(now, run="")


def test_an_emotion_without_a_probability_is_not_decoded() -> None:
    payload = {**msgspec.json.decode(encode_event(event())), "emotion": "bored"}
    with pytest.raises(msgspec.DecodeError, match="a probability of `emotion`"):
        decode_event(msgspec.json.encode(payload))


@given(some.binary() | some.text().map(str.encode))
def test_bytes_that_are_no_event_are_refused_and_never_a_fault(payload: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        decode_event(payload)
