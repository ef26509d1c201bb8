import pytest

from edge.demo.show import event_line, summary_lines
from edge.errors import EmotiondError

EVENT = {
    "time": "2026-01-02T03:04:05.678Z",
    "type": "start",
    "track_id": 1,
    "emotion": "happy",
    "confidence": 0.5,
    "duration": 0.0,
    "latency_ms": 12.3,
}


def test_an_event_is_one_line_with_a_bar_as_long_as_its_confidence() -> None:
    line = event_line(EVENT)
    assert line.startswith("03:04:05.678  start   face 1  happy ")
    assert line.count("█") == line.count("░") == 10
    assert "\n" not in line


def test_an_event_without_confidence_says_why_in_the_place_of_the_bar() -> None:
    unread = {"emotion": "uncertain", "confidence": None, "reasons": ["dark", "blurred"]}
    line = event_line({**EVENT, **unread})
    assert "uncertain  dark, blurred  " in line
    assert "█" not in line
    assert line.index("after") == event_line(EVENT).index("after")


def test_the_summary_names_every_figure() -> None:
    text = summary_lines(
        {
            "frames": 475,
            "faces": 470,
            "refused": 0,
            "events": 8,
            "fps": {"in": 25.0, "out": 25.0},
            "frame_latency_ms": {"p50": 5.0, "p95": 8.0},
            "dropped": {"frames": 0, "events": 1},
        }
    )
    for figure in ("475 frames", "470 faces", "8 events", "25.0", "p50 5.0", "p95 8.0", "1 events"):
        assert figure in text


def test_a_daemon_that_sent_no_stats_is_an_error() -> None:
    with pytest.raises(EmotiondError, match="no stats"):
        summary_lines(None)
