from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from edge.publish.events import encode_event, plain_stats
from edge.types import EventType, Quality, Reason
from tests import schema
from tests.events import event, stats, uncertain


def test_the_schema_is_itself_valid() -> None:
    Draft202012Validator.check_schema(schema.EVENT.schema)


@pytest.mark.parametrize("kind", list(EventType))
def test_every_kind_of_event_fits_the_schema(kind: EventType) -> None:
    schema.EVENT.validate(msgspec.json.decode(encode_event(event(kind))))
    schema.EVENT.validate(msgspec.json.decode(encode_event(uncertain(kind))))


def test_what_is_uncertain_says_why_and_claims_nothing() -> None:
    dark = uncertain(reasons=(Reason.DARK, Reason.SIDE_FACE))
    payload = msgspec.json.decode(encode_event(dark))
    assert payload["emotion"] == "uncertain"
    assert payload["reasons"] == ["dark", "side_face"]
    assert (payload["confidence"], payload["probabilities"]) == (None, None)


def test_quality_is_rounded_and_null_without_key_points() -> None:
    seen = Quality(88.123, 0.081234, 120.55, 45.44, yaw=-12.345, roll=3.21)
    assert msgspec.json.decode(encode_event(event(quality=seen)))["quality"] == {
        "size": 88.1,
        "sharpness": 0.0812,
        "brightness": 120.5,
        "contrast": 45.4,
        "yaw": -12.3,
        "roll": 3.2,
    }
    plain = msgspec.json.decode(encode_event(event()))["quality"]
    assert (plain["yaw"], plain["roll"]) == (None, None)


def test_no_angle_is_minus_zero() -> None:
    seen = Quality(88.0, 0.08, 120.0, 45.0, yaw=-0.04, roll=-0.01)
    assert b'"yaw":0.0,"roll":0.0' in encode_event(event(quality=seen))


def test_an_event_reads_as_the_schema_says() -> None:
    taken = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    payload = msgspec.json.decode(encode_event(event(time=taken, duration=1.23456, latency=0.0123)))
    assert payload["time"] == "2026-01-02T03:04:05.678Z"
    assert payload["box"] == [10, 20, 110, 120]
    assert payload["frame"] == {"width": 640, "height": 480}
    assert (payload["duration"], payload["latency_ms"]) == (1.235, 12.3)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "begin"},
        {"confidence": 1.5},
        {"confidence": None},
        {"emotion": "uncertain"},
        {"reasons": ["dark"]},
        {"time": "now"},
        {"extra": 1},
        {"box": [1, 2, 3]},
    ],
)
def test_the_schema_refuses_what_is_no_event(change: dict[str, Any]) -> None:
    payload = {**msgspec.json.decode(encode_event(event())), **change}
    assert not schema.EVENT.is_valid(payload)


def test_stats_are_plain_numbers_and_null_before_the_first_frame() -> None:
    payload = plain_stats(stats(fps_in=29.97, fps_out=0.0, dropped={"frames": 3}))
    assert payload["fps"] == {"in": 30.0, "out": 0.0}
    assert payload["frame_latency_ms"] == {"p50": 10.1, "p95": 20.5}
    assert payload["event_latency_ms"] is None
    assert (payload["faces"], payload["rejected_faces"]) == (900, 20)
    assert payload["dropped"] == {"frames": 3}
    assert payload["camera"] == "online"
    assert (payload["cpu"], payload["memory"], payload["temperature"]) == (0.07, 90_000_000, 48.3)
