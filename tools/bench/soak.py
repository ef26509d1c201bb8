"""`python -m tools.bench.soak`: time until the daemon is ready, and growth of its memory.

The built-in clip is served as a live stream. The daemon watches it as a service would, with a
notification socket of systemd that is held here. Its memory is read at regular intervals; once it
is warm, what it has more at the end is growth.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.bench.stream import LiveStream
from edge.commands.demo import CLIP, final_stats, run_daemon
from edge.commands.embedded_broker import EmbeddedBroker
from edge.metrics import rss_bytes

INTERVAL = 5.0
"""Seconds between readings of the memory."""

READY_TIMEOUT = 60.0
"""Seconds that the daemon may take to be ready."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run for the minutes asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, default=2.0, help="minutes before growth counts")
    options = parser.parse_args(arguments)
    with (
        EmbeddedBroker() as broker,
        LiveStream(CLIP, options.fps) as stream,
        tempfile.TemporaryDirectory() as name,
        notification_socket(Path(name)) as systemd,
    ):
        folder = Path(name)
        sinks = [{"kind": "mqtt", "host": broker.host, "port": broker.port, "device": "bench"}]
        config = {"source": {"kind": "stream", "url": stream.url}, "sinks": sinks, "state_dir": "."}
        with run_daemon(folder, config, {"NOTIFY_SOCKET": str(folder / "notify")}) as process:
            print(f"ready after {await_ready(systemd):.2f} s", flush=True)
            memory = _record_memory(process, systemd, 60 * options.minutes)
        print(f"{options.minutes:g} minutes without a restart; {final_stats(folder)}")
    warm = memory[int(60 * options.warm_up / INTERVAL) :] or memory
    tenth = max(1, len(warm) // 10)
    first, last = (statistics.median(part) for part in (warm[:tenth], warm[-tenth:]))
    print(f"memory {first:.1f} MB once warm, {last:.1f} MB at the end, at most {max(warm):.1f} MB")
    print(f"growth {last - first:+.2f} MB")


@contextmanager
def notification_socket(folder: Path) -> Iterator[socket.socket]:
    """Yield a socket, `notify` in `folder`, that receives what a service tells systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        yield systemd


def await_ready(systemd: socket.socket) -> float:
    """Return how many seconds it takes until READY=1 comes.

    Raises:
        TimeoutError: it does not come.
    """
    started = time.monotonic()
    systemd.settimeout(READY_TIMEOUT)
    while b"READY=1" not in systemd.recv(4096):
        pass
    return time.monotonic() - started


def _record_memory(
    process: subprocess.Popen[bytes], systemd: socket.socket, seconds: float
) -> list[float]:
    """Return the resident MB of the process, at intervals."""
    memory, end = list[float](), time.monotonic() + seconds
    while not memory or time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"the daemon ended with {process.returncode}")
        memory.append(rss_bytes(process.pid) / 1e6)
        _drain(systemd, min(INTERVAL, seconds))
    return memory


def _drain(systemd: socket.socket, seconds: float) -> None:
    """Receive notifications for so long: a socket that nobody reads would block its writer."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        systemd.settimeout(left)
        with suppress(TimeoutError):
            systemd.recv(4096)


if __name__ == "__main__":
    main()
