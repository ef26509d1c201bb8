"""`python -m tools.bench.soak`: how soon is the daemon ready, and does it grow while it runs?

The built-in clip is served as a live stream and the daemon watches it as a service would, telling
systemd's socket, which is held here, how it fares. Its memory is read at regular intervals; once it
has warmed up, what it has more at the end is growth.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.bench.daemon import daemon, last_words
from edge.bench.stream import LiveStream
from edge.commands.demo_run import CLIP
from edge.commands.embedded_broker import EmbeddedBroker
from edge.system_stats import rss_bytes

PERIOD = 5.0
"""Seconds between looks at the memory."""

PATIENCE = 60.0
"""Seconds the daemon may take to be ready."""


def main() -> None:
    """Run for the minutes asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, default=2.0, help="minutes before growth counts")
    options = parser.parse_args()
    with (
        EmbeddedBroker() as broker,
        LiveStream(CLIP, options.fps) as stream,
        tempfile.TemporaryDirectory() as directory,
        _systemd(Path(directory)) as systemd,
    ):
        sinks = [{"kind": "mqtt", "host": broker.host, "port": broker.port, "device": "bench"}]
        source = {"kind": "stream", "url": stream.url}
        config = {"source": source, "sinks": sinks, "state": "."}
        environment = {"NOTIFY_SOCKET": str(Path(directory) / "notify")}
        with daemon(Path(directory), config, environment) as process:
            print(f"ready after {_ready(systemd):.2f} s", flush=True)
            memory = _watch(process, systemd, 60 * options.minutes)
        told = last_words(Path(directory))
    _print(memory, int(60 * options.warm_up / PERIOD), options.minutes, told)


@contextmanager
def _systemd(directory: Path) -> Iterator[socket.socket]:
    """A socket that hears what a service tells systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(directory / "notify"))
        yield listener


def _ready(systemd: socket.socket) -> float:
    """Return how many seconds it takes until READY=1 comes."""
    started = time.monotonic()
    systemd.settimeout(PATIENCE)
    while b"READY=1" not in systemd.recv(4096):
        pass
    return time.monotonic() - started


def _watch(process: subprocess.Popen[bytes], systemd: socket.socket, seconds: float) -> list[float]:
    """Return the MB of memory that the process had, every few seconds."""
    memory, end = list[float](), time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"the daemon ended with {process.returncode}")
        memory.append(rss_bytes(process.pid) / 1e6)
        _hear(systemd, PERIOD)
    return memory


def _hear(systemd: socket.socket, seconds: float) -> None:
    """Take what is told for so long: a socket that nobody reads would hold its writer up."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        systemd.settimeout(left)
        with suppress(TimeoutError):
            systemd.recv(4096)


def _print(memory: list[float], warm: int, minutes: float, told: str) -> None:
    warmed = memory[warm:] or memory
    tenth = max(1, len(warmed) // 10)
    first, last = (statistics.median(part) for part in (warmed[:tenth], warmed[-tenth:]))
    print(f"{minutes:g} minutes without a restart; {told}")
    print(f"memory {first:.1f} MB once warm, {last:.1f} MB at the end, most {max(warmed):.1f} MB")
    print(f"growth {last - first:+.2f} MB")


if __name__ == "__main__":
    main()
