"""Configs for commands that reach a broker, and commands that run beside the test."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec


def write_config(directory: Path, port: int, **fields: Any) -> Path:
    """Write a config with one MQTT sink; `fields` replace its defaults."""
    sink = {"kind": "mqtt", "host": "127.0.0.1", "port": port, "device": "test", **fields}
    path = directory / "config.yaml"
    path.write_bytes(msgspec.json.encode({"sinks": [sink], "state_dir": "state"}))
    return path


@contextmanager
def running(*arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Run a command of emotiond as a process, for as long as the `with` block lasts."""
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
