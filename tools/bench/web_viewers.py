"""`python -m tools.bench.web_viewers`: what viewers of the live page cost the daemon.

The built-in clip is served as a live stream of 640x480; the daemon watches it, and is watched by
nobody, by one and by many in turn. Each turn is as long, and they are repeated, so that a busy
machine is busy for all of them.
"""

import argparse
import socket
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edge.bench.daemon import daemon, processor_seconds
from edge.bench.stream import LiveStream
from edge.commands.demo_run import CLIP
from edge.commands.embedded_broker import free_port

SETTLING = 1.0
"""Seconds after a change, before it is measured."""


def main() -> None:
    """Run for the turns asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a turn")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    shares: dict[int, list[float]] = {0: [], 1: [], options.viewers: []}
    port = free_port()
    with (
        LiveStream(CLIP, options.fps) as stream,
        tempfile.TemporaryDirectory() as directory,
        daemon(Path(directory), _config(stream.url, port)) as process,
    ):
        _await(port)
        for _ in range(options.turns):
            for viewers, measured in shares.items():
                measured.append(_measure(process.pid, port, viewers, options.seconds))
    _print(shares)


def _config(url: str, port: int) -> dict[str, Any]:
    return {
        "source": {"kind": "stream", "url": url},
        "sinks": [],
        "state": ".",
        "view": {"web": True},
        "web": {"port": port, "viewers": 100},
    }


def _await(port: int) -> None:
    """Wait until the page is served."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(2)
            return


def _measure(pid: int, port: int, viewers: int, seconds: float) -> float:
    """Return the share of one core that the daemon takes while so many watch."""
    with ExitStack() as stack:
        for _ in range(viewers):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            threading.Thread(target=_swallow, args=(connection,), daemon=True).start()
        time.sleep(SETTLING)
        before = processor_seconds(pid)
        time.sleep(seconds)
        return (processor_seconds(pid) - before) / seconds


def _swallow(connection: socket.socket) -> None:
    """Read what comes, until there is no more."""
    try:
        while connection.recv(1 << 20):
            pass
    except OSError:
        pass


def _print(shares: dict[int, list[float]]) -> None:
    one = statistics.median(shares[1])
    for viewers, measured in shares.items():
        share = statistics.median(measured)
        spread = f"{min(measured):.1%} to {max(measured):.1%}"
        print(f"{viewers:3} watch: {share:.1%} of one core ({spread}), {share / one:.2f} of one")


if __name__ == "__main__":
    main()
