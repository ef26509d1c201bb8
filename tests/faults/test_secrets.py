"""No secret appears in any message: canaries in every place that a config has for one."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.config import parse_config
from edge.errors import ConfigError
from edge.secrets import redact_url
from tests.e2e.daemon import Daemon
from tests.faults import fault

CANARY = "hunter2"

LITERALS: list[dict[str, Any]] = [
    {"sinks": [{"kind": "mqtt", "password": CANARY}]},
    {"sinks": [{"kind": "mqtt", "user": [CANARY]}]},
    {"sinks": {"kind": "mqtt", "password": [CANARY]}},
    {"sinks": [{"kind": "mqtt", "password": {"file": [CANARY]}}]},
    {"sinks": f"mqtt://bob:{CANARY}@broker"},
    {"sinks": {"password": CANARY}},
    {"web": {"token": CANARY}},
    {"web": {"token": CANARY, "port": "x"}},
    {"source": {"kind": "stream", "url": "rtsp://camera", "password": CANARY}},
    {"source": {"kind": "stream", "url": f"rtps://bob:{CANARY}@camera/?pwd={CANARY}"}},
    {"source": f"rtps://camera/live?token={CANARY}"},
    {"source": {"url": f"rtsp://camera?{CANARY}", "password": CANARY}},
    {"source": [f"rtsp://bob:{CANARY}@camera"]},
]


@fault(
    "people",
    "a password written into the config itself",
    seen="one line that says how to write it, without its value",
    recovery="edit the config",
)
@pytest.mark.parametrize("config", LITERALS)
def test_a_secret_in_the_wrong_place_is_refused_without_being_shown(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(config, Path("emotiond.yaml"))
    assert CANARY not in str(caught.value)


def test_a_literal_secret_is_told_how_it_is_written() -> None:
    with pytest.raises(ConfigError, match=r"expected \{file: \.\.\.\}, \{env: \.\.\.\} or \{cred"):
        parse_config({"web": {"token": CANARY}}, Path("emotiond.yaml"))


@fault(
    "people",
    "a password in the address of a camera",
    seen="the address without it, in every message",
    recovery="none needed",
)
@pytest.mark.parametrize(
    "url",
    [
        f"rtsp://bob:{CANARY}@camera/live",
        f"rtsp://camera/live?pwd={CANARY}&x=1",
        f"rtsp://camera/user=admin_password={CANARY}_channel=1",
        f"http://camera/video.mjpg#{CANARY}",
        f"http://camera/{'token'}={CANARY}/live",
    ],
)
def test_an_address_is_shown_without_user_password_and_query(url: str) -> None:
    assert CANARY not in redact_url(f"cannot open {url!r}: timed out")
    config = parse_config({"source": {"kind": "stream", "url": url}}, Path("emotiond.yaml"))
    assert CANARY not in msgspec.json.encode(config.redacted()).decode()


@pytest.mark.parametrize("command", ["check", "doctor"])
def test_a_command_shows_nothing_of_it(command: str, tmp_path: Path) -> None:
    path = tmp_path / "emotiond.yaml"
    for config in (LITERALS[0], {"source": f"http://127.0.0.1:9/{CANARY}?pwd={CANARY}"}):
        path.write_bytes(msgspec.json.encode(config).replace(f"9/{CANARY}".encode(), b"9/live"))
        line = [sys.executable, "-m", "edge", command, "--config", str(path)]
        run = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert CANARY not in run.stdout + run.stderr


def test_neither_start_nor_reload_write_it_into_the_log(tmp_path: Path) -> None:
    source = {"kind": "stream", "url": f"http://bob:{CANARY}@127.0.0.1:9/live?pwd={CANARY}"}
    with Daemon(tmp_path, {"source": source, "sinks": []}) as daemon:
        daemon.wait_for("started within", 60)
        daemon.write({"source": source, **LITERALS[0]})
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("settings of before stay")
        assert CANARY not in daemon.log
