import pytest

from edge.commands.demo import summary_lines
from edge.errors import EmotiondError


def test_the_summary_names_every_figure() -> None:
    text = summary_lines(
        {
            "frames": 475,
            "faces": 470,
            "rejected_faces": 0,
            "events": 8,
            "fps": {"in": 25.0, "out": 25.0},
            "frame_latency_ms": {"p50": 5.0, "p95": 8.0},
            "dropped": {"frames": 0, "events": 1},
        }
    )
    for figure in ("475 frames", "470 faces", "8 events", "25.0", "p50 5.0", "p95 8.0", "1 events"):
        assert figure in "\n".join(text)


def test_a_daemon_that_sent_no_stats_is_an_error() -> None:
    with pytest.raises(EmotiondError, match="no stats"):
        summary_lines(None)
