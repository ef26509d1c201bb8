import subprocess
import sys

from edge.service.daemon import summary
from tests.events import stats

BURST = """
import ctypes
from edge.metrics import rss_bytes
from edge.service.daemon import release_memory

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
blocks = [libc.malloc(60_000) for _ in range(1000)]
for block in blocks:
    ctypes.memset(block, 1, 60_000)
for place, block in enumerate(blocks):
    if place % 10:
        libc.free(block)
before = rss_bytes()
release_memory()
print(before - rss_bytes())
"""
"""Leaves every tenth of its blocks, of 60 MB, in use; prints how many bytes go back."""


def test_the_summary_says_rates_totals_latency_and_drops_in_one_line() -> None:
    assert summary(stats()) == (
        "ended; 30.0 fps in, 29.9 out; 1800 frames, 900 faces (20 refused), 12 events; "
        "latency p50 10.1 ms, p95 20.5 ms; dropped frames=3 damaged_frames=0 tracked_frames=0 events=0"
    )


def test_what_a_burst_left_free_between_blocks_in_use_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", BURST], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 40_000_000
