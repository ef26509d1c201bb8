"""`python -m tools.bench.broker_outage`: does a broker that is away disturb the camera?

The same live stream is watched again and again, each time with the broker in another state. The
daemon's final statistics tell how many frames it analyzed and dropped.
"""

import argparse
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.bench.clips import LiveStream
from edge.bench.pipeline_bench import cpu_share
from edge.commands.demo import CLIP, final_stats, run_daemon
from edge.commands.embedded_broker import HOST, EmbeddedBroker, free_port

AWAY_SECONDS, ONLINE_SECONDS = 2.0, 3.0
"""Times that a broker is away and online, where it comes and goes."""

READY_TIMEOUT = 60.0
"""Seconds that the daemon may take to be ready."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run once for each state of the broker and print how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=30.0, help="with each state")
    options = parser.parse_args(arguments)
    with EmbeddedBroker() as broker, LiveStream(CLIP, options.fps) as stream:
        states: dict[str, tuple[list[int], Callable[[float], None]]] = {
            "no MQTT": ([], time.sleep),
            "online": ([broker.port], time.sleep),
            "absent": ([free_port()], time.sleep),
            "comes and goes": ([broker.port], lambda seconds: _come_and_go(broker, seconds)),
        }
        for name, (ports, meanwhile) in states.items():
            print(f"{name:<15}{_watch(stream, ports, options.seconds, meanwhile)}", flush=True)


def _watch(
    stream: LiveStream, ports: list[int], seconds: float, meanwhile: Callable[[float], None]
) -> str:
    """Return the daemon's final statistics and its share of a core."""
    sinks = [{"kind": "mqtt", "host": HOST, "port": port, "device": "bench"} for port in ports]
    source = {"kind": "stream", "url": stream.url}
    config: dict[str, Any] = {"source": source, "sinks": sinks, "state_dir": "."}
    with tempfile.TemporaryDirectory() as name, _await_ready(Path(name) / "notify") as await_ready:
        folder = Path(name)
        with run_daemon(folder, config, {"NOTIFY_SOCKET": str(folder / "notify")}) as process:
            await_ready()
            cpu = cpu_share(process.pid, seconds, meanwhile)
        stats = final_stats(folder)
    return f"{stats}; {cpu:.0%} of a core"


@contextmanager
def _await_ready(path: Path) -> Iterator[Callable[[], None]]:
    """Yield what waits for READY=1 on a socket that a service tells systemd by."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(READY_TIMEOUT)

        def wait() -> None:
            while b"READY=1" not in systemd.recv(4096):
                pass
            systemd.close()  # nobody reads what else it tells

        yield wait


def _come_and_go(broker: EmbeddedBroker, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(ONLINE_SECONDS)
        broker.__exit__()
        time.sleep(AWAY_SECONDS)
        broker.__enter__()


if __name__ == "__main__":
    main()
