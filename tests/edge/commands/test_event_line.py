from typing import Any

import msgspec
import pytest

from edge.commands.event_line import event_line, plain_line

EVENT = {
    "time": "2026-01-02T03:04:05.678Z",
    "type": "start",
    "track_id": 1,
    "emotion": "happy",
    "confidence": 0.5,
    "reasons": [],
    "duration": 0.0,
    "latency_ms": 12.3,
}


def line(**fields: Any) -> str:
    return event_line(msgspec.json.encode({**EVENT, **fields}))


def test_an_event_is_one_line_with_a_bar_as_long_as_its_confidence() -> None:
    text = line()
    assert text.startswith("03:04:05.678  start   face 1  happy ")
    assert text.count("█") == text.count("░") == 10
    assert "\n" not in text


def test_an_event_without_confidence_says_why_in_the_place_of_the_bar() -> None:
    text = line(emotion="uncertain", confidence=None, reasons=["dark", "blurred"])
    assert "uncertain  dark, blurred  " in text
    assert "█" not in text
    assert text.index("after") == line().index("after")


def test_what_a_newer_daemon_says_more_is_passed_over() -> None:
    assert line(mood="fine") == line()


@pytest.mark.parametrize("confidence", [-5, 7, 1e300])
def test_a_bar_has_its_length_whatever_came(confidence: float) -> None:
    assert sum(letter in "█░" for letter in line(confidence=confidence)) == 20


def test_nothing_that_came_over_the_network_moves_the_cursor() -> None:
    assert line(emotion="\x1b[2J\n").isprintable()
    assert plain_line("\x1b[2Jdevice\r").endswith("  ?[2Jdevice?")


@pytest.mark.parametrize("payload", [b"", b"online", b"{}", b"[]", b'{"time": 1}'])
def test_what_is_no_event_is_an_error(payload: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        event_line(payload)
