import subprocess
import sys


def test_the_demo_shows_events_from_a_subscriber_and_ends_with_a_summary() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge", "demo"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert "  start   face 1  neutral" in lines[1]
    assert any("  change  face 1  happy" in line for line in lines)
    assert "; 475 frames, " in lines[-1]
    assert "; latency p50 " in lines[-1]
