from datetime import UTC, datetime

from edge.records import Stats
from edge.service.daemon import summary


def test_the_summary_says_source_rates_totals_latency_and_drops_in_one_line() -> None:
    stats = Stats(
        time=datetime.now(UTC),
        uptime=60,
        online=True,
        fps_in=30.04,
        fps_out=29.9,
        frames=1800,
        faces=900,
        events=12,
        dropped={"frames": 3, "tracked": 0, "events": 0},
        frame_latency=(0.0101, 0.0205),
        event_latency=None,
    )
    assert summary(stats) == (
        "source online; 30.0 fps in, 29.9 out; 1800 frames, 900 faces, 12 events; "
        "latency p50 10.1 ms, p95 20.5 ms; dropped frames=3 tracked=0 events=0"
    )
