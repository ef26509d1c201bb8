"""`python -m tools.bench.web_viewers`: CPU time that viewers of the live page cost the daemon.

The built-in clip is served as a live stream of 640x480. The daemon watches it, and nobody, one and
many viewers watch the daemon in turn. The turns are repeated, so that a busy machine is busy for
all of them.
"""

import argparse
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from edge.bench.clips import LiveStream
from edge.bench.pipeline_bench import cpu_share
from edge.commands.demo import CLIP, run_daemon
from edge.commands.embedded_broker import free_port

SETTLE_SECONDS = 1.0
"""Time after the number of viewers changed until it is measured."""

START_TIMEOUT = 60.0
"""Seconds until the page must be served."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run for the turns asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a turn")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args(arguments)
    shares: dict[int, list[float]] = {0: [], 1: [], options.viewers: []}
    port = free_port()
    with (
        LiveStream(CLIP, options.fps) as stream,
        tempfile.TemporaryDirectory() as folder,
        run_daemon(Path(folder), page_config(stream.url, port)) as process,
    ):
        await_page(port)
        for _ in range(options.turns):
            for viewers, measured in shares.items():
                measured.append(_measure(process.pid, port, viewers, options.seconds))
    one = statistics.median(shares[1]) or float("nan")
    for viewers, measured in shares.items():
        share = statistics.median(measured)
        spread = f"{min(measured):.1%} to {max(measured):.1%}"
        print(f"{viewers:3} viewers: {share:.1%} of a core ({spread}), {share / one:.2f} of one's")


def page_config(url: str, port: int) -> dict[str, Any]:
    """Return the config of a daemon that watches a stream and serves its page alone."""
    return {
        "source": {"kind": "stream", "url": url},
        "sinks": [],
        "state_dir": ".",
        "web": {"enabled": True, "port": port, "max_viewers": 100},
    }


def await_page(port: int) -> None:
    """Wait until the page is served."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"no page after {START_TIMEOUT:.0f} s") from None
            time.sleep(0.1)
        else:
            return


def _measure(pid: int, port: int, viewers: int, seconds: float) -> float:
    """Return the share of one core that the daemon uses while so many watch."""
    with ExitStack() as stack:
        for _ in range(viewers):
            viewer = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            viewer.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            threading.Thread(target=_receive, args=(viewer,), daemon=True).start()
        time.sleep(SETTLE_SECONDS)
        return cpu_share(pid, seconds)


def _receive(viewer: socket.socket) -> None:
    with suppress(OSError):
        while viewer.recv(1 << 20):
            pass


if __name__ == "__main__":
    main()
