from edge.service.daemon import summary
from tests.events import stats


def test_the_summary_says_rates_totals_latency_and_drops_in_one_line() -> None:
    assert summary(stats()) == (
        "ended; 30.0 fps in, 29.9 out; 1800 frames, 900 faces (20 refused), 12 events; "
        "latency p50 10.1 ms, p95 20.5 ms; dropped frames=3 damaged_frames=0 tracked_frames=0 events=0"
    )
