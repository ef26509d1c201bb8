"""The daemon as a process of its own, or in this one until its input ends."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import cv2
import msgspec

from edge.cli import main
from tests import schema
from tests.brokers import wait_until


class Daemon:
    """`emotiond run` on a config, with its log kept.

    Args:
        directory: for the config and the log; it runs there.
        config: what the config file holds.
        environment: added to the process's own.
    """

    def __init__(
        self, directory: Path, config: dict[str, Any], environment: dict[str, str] | None = None
    ) -> None:
        self._log = directory / "daemon.log"
        self.path = directory / "daemon.yaml"
        self._state = directory / "state"
        self.write(config)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "--config", str(self.path)],
                stderr=log,
                cwd=directory,
                env={**os.environ, **(environment or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def write(self, config: dict[str, Any]) -> None:
        """Change the config file; it is read at the start and at a reload."""
        self.path.write_bytes(msgspec.json.encode({"state_dir": str(self._state), **config}))

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What it logged so far."""
        return self._log.read_text()

    def wait_for(self, text: str, seconds: float = 20) -> None:
        """Wait until it logged `text`."""
        wait_until(lambda: text in self.log, seconds)

    def wait(self, seconds: float = 60) -> int:
        """Wait for its end; return its exit code."""
        return self._process.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """Ask it to stop as systemd does; return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(15)


def run_here(directory: Path, config: dict[str, Any]) -> int:
    """Run the daemon on a config in this process until its input ends; return its exit code.

    It is the same but for the start of a process, which costs more than most films.
    """
    path, threads = directory / "daemon.yaml", cv2.getNumThreads()
    path.write_bytes(msgspec.json.encode({"state_dir": str(directory / "state"), **config}))
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    try:
        return main(["run", "--config", str(path)])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        cv2.setNumThreads(threads)
        gc.unfreeze()


def mqtt(port: int) -> dict[str, Any]:
    """Return the config of an MQTT sink called `test`."""
    return {"kind": "mqtt", "host": "127.0.0.1", "port": port, "device": "test"}


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return the events of a JSONL file, none when it was never written; each fits its schema."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    events = [msgspec.json.decode(line) for line in lines]
    for event in events:
        schema.EVENT.validate(event)
    return events
