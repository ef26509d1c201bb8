"""The service tells systemd the truth: of a reload, of its broker, of what is left to it."""

import configparser
import os
import resource
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker, wait_until
from tests.conftest import ROOT
from tests.e2e.daemon import Daemon, mqtt
from tests.faults import fault
from tests.subscribers import Subscriber
from tests.supervisor import Supervisor

CONFIG: dict[str, Any] = {
    "source": {"kind": "stream", "url": "http://127.0.0.1:9/none"},
    "sinks": [],
}


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "notify") as supervisor:
        yield supervisor


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, CONFIG, {"RUNTIME_DIRECTORY": str(tmp_path)}) as daemon:
        daemon.wait_for("started within", 60)
        yield daemon


def unit_reload(daemon: Daemon, folder: Path) -> int:
    """Run what the unit's `ExecReload=` says, as systemd does; return its exit code."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(ROOT / "systemd" / "emotiond.service")
    command = shlex.split(unit["Service"]["ExecReload"])
    environment = {**os.environ, "MAINPID": str(daemon.pid), "RUNTIME_DIRECTORY": str(folder)}
    return subprocess.run(command, env=environment, timeout=60, check=False).returncode


@fault(
    "config",
    "`systemctl reload` of what the daemon refuses",
    seen="the reload fails, with the reason",
    recovery="another reload",
)
def test_a_reload_that_the_daemon_refuses_fails_in_systemd_and_the_reason_is_told(
    daemon: Daemon, tmp_path: Path
) -> None:
    secret = {"user": "edge", "password": {"credential": "nosuch"}}
    daemon.write({**CONFIG, "sinks": [{**mqtt(1883), **secret}]})
    assert unit_reload(daemon, tmp_path) != 0
    assert "nosuch" in (tmp_path / "reload").read_text()
    assert "nosuch" in daemon.log
    daemon.write({**CONFIG, "classifier": {"min_confidence": 0.4}})
    assert unit_reload(daemon, tmp_path) == 0, "the refusal of before is forgotten"
    assert "changed: classifier" in daemon.log


def test_a_reload_of_a_daemon_that_ends_meanwhile_fails(daemon: Daemon, tmp_path: Path) -> None:
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    assert unit_reload(daemon, tmp_path) != 0


def test_before_the_first_try_the_broker_is_not_said_to_be_away(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        config = {**CONFIG, "sinks": [mqtt(silent.getsockname()[1])]}
        with Daemon(tmp_path, config, supervisor.environment) as daemon:
            supervisor.hear("READY=1")
            assert "is being tried" in "".join(supervisor.heard)
            assert "away" not in "".join(supervisor.heard)
            silent.close()
            supervisor.hear("STATUS=camera offline; broker 127.0.0.1:")
            wait_until(lambda: "away, 0 events wait" in "".join(supervisor.listen()))
            assert daemon.stop() == 0


@fault(
    "machine",
    "no descriptor is left",
    seen="statistics are absent; it runs on",
    recovery="by itself",
    lost="those statistics",
)
def test_without_a_descriptor_left_statistics_are_absent_and_the_watchdog_is_fed(
    tmp_path: Path, broker: Broker, supervisor: Supervisor
) -> None:
    config = {**CONFIG, "sinks": [mqtt(broker.port)]}
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        Daemon(tmp_path, config, supervisor.environment) as daemon,
    ):
        supervisor.hear("READY=1")
        wait_until(lambda: subscriber.payloads("emotiond/test/state"))
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, 3))
        supervisor.listen()
        supervisor.hear("WATCHDOG=1")
        wait_until(lambda: subscriber.payloads("emotiond/test/stats"), 30)
        stats = subscriber.payloads("emotiond/test/stats")[-1]
        assert (stats["memory"], stats["temperature"]) == (None, None)
        supervisor.listen()  # room for what is told at the end
        assert daemon.stop() == 0
    assert "Traceback" not in daemon.log


@fault(
    "machine",
    "the daemon crashes",
    seen="systemd starts it again after five seconds",
    recovery="by itself",
    lost="frames of the meantime",
)
@pytest.mark.parametrize(("restarts", "seconds"), [(0, 0), (1, 0), (2, 7), (8, 49), (300, 55)])
def test_on_debian_12_the_first_restart_is_not_delayed_beyond_the_units_five_seconds(
    restarts: int, seconds: int, tmp_path: Path
) -> None:
    drop_in = configparser.ConfigParser(interpolation=None)
    drop_in.read(ROOT / "systemd" / "backoff-252.conf")
    line = drop_in["Service"]["ExecStartPre"].removeprefix("+").replace("$$", "$")
    for name, text in (("systemctl", f"echo {restarts}"), ("sleep", f"echo $1 > {tmp_path}/slept")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(shlex.split(line), env={"PATH": path}, check=True)
    assert (tmp_path / "slept").read_text().strip() == str(seconds)
