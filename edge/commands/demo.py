"""`emotiond demo`: what a subscriber sees while the daemon watches the built-in clip."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from edge.capture.video import VideoSettings
from edge.commands.embedded_broker import EmbeddedBroker
from edge.commands.events import event_line
from edge.config import parse_config
from edge.errors import EmotiondError, ExitCode
from edge.paths import asset
from edge.publish import MqttSettings
from edge.publish.mqtt.session import connect_any
from edge.service import daemon
from edge.terminal import print_line
from edge.types import Frame

CLIP = Path(__file__).with_name("faces.mp4")
CLIP_FPS = 25  # frames a second of the clip
TIMEOUT, STOP_TIMEOUT = 120.0, 30.0  # seconds the daemon may take to end (the clip has 19), to stop
POLL_INTERVAL = 0.2  # seconds of the longest wait for a message


class LoopedVideo(VideoSettings, frozen=True, tag="video"):
    """A video that begins anew at its end; it ends after `max_frames`, or never."""

    max_frames: int | None = None

    def frames(self) -> Generator[Frame | None, None, None]:
        """Yield each frame as `VideoSettings` does; their times run on."""
        index, ended_at = 0, 0.0
        while True:
            began_at = ended_at
            for frame in VideoSettings.frames(self):
                if index == self.max_frames:
                    return
                if frame is None:
                    yield None
                    continue
                ended_at = began_at + frame.timestamp + 1 / CLIP_FPS
                yield replace(frame, index=index, timestamp=began_at + frame.timestamp)
                index += 1


def add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one option of `demo`."""
    text = "show the clip on the web page, again and again until Ctrl-C, without a broker"
    parser.add_argument("--web", action="store_true", help=text)


def demo(options: argparse.Namespace) -> ExitCode:
    """Run broker, subscriber and daemon for one pass of the clip, then print its statistics."""
    if options.web:
        return _show()
    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory() as name:
        folder, sink = Path(name), MqttSettings(host=broker.host, port=broker.port, device="demo")
        topic = sink.topics.event
        print_line(f"emotiond watches {CLIP.name}; events on {topic} at {sink.host}:{sink.port}")
        with closing(connect_any(sink, "demo")) as session:
            session.subscribe([topic], required=True)
            config = {"source": str(CLIP), "sinks": [sink], "state_dir": name}
            with run_daemon(folder, config) as process:
                deadline, ended = time.monotonic() + TIMEOUT, False
                while not ended or session.incoming:
                    ended = process.poll() is not None
                    session.poll(POLL_INTERVAL)
                    while session.incoming:
                        print_line(event_line(session.incoming.popleft().payload))
                    if time.monotonic() > deadline:
                        raise EmotiondError(f"the daemon did not end within {TIMEOUT:.0f} s")
        if process.returncode != ExitCode.OK:
            log = (folder / "daemon.log").read_text()
            raise EmotiondError(f"the daemon ended with {process.returncode}:\n{log}")
        print_line(final_stats(folder))
    return ExitCode.OK


def _show() -> ExitCode:
    """Run the daemon with its web page alone, until Ctrl-C."""
    print_line(f"emotiond watches {CLIP.name}; open the address below, or end it with Ctrl-C")
    web, source = {"enabled": True, "port": 0}, LoopedVideo(CLIP)
    with tempfile.TemporaryDirectory() as name:
        fields = {"sinks": [], "web": web, "state_dir": name}
        config = msgspec.structs.replace(parse_config(fields, CLIP), source=source)
        return daemon.run(asset("config") / "emotiond.yaml", lambda _: config)


@contextmanager
def run_daemon(
    folder: Path, config: dict[str, Any], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon, its config and `daemon.log` in `folder`; then stop it as systemd does."""
    path = folder / "config.json"  # JSON is YAML
    path.write_bytes(msgspec.json.encode(config))
    command = [sys.executable, "-m", "edge", "run", "--config", str(path)]
    with (folder / "daemon.log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, env={**os.environ, **(environment or {})})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_TIMEOUT)


def final_stats(folder: Path) -> str:
    """Return the statistics that a daemon logged when it ended; EmotiondError: it has not."""
    lines = (folder / "daemon.log").read_text().splitlines()
    stats = next((line for line in reversed(lines) if "fps in" in line), None)
    if stats is None:
        raise EmotiondError(f"the daemon ended too early: {lines[-1] if lines else 'silently'}")
    return stats.partition("; ")[2]
