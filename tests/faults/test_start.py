"""What a start says where something that it needs is not there: one line, and the right exit code."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.commands.embedded_broker import free_port
from tests.e2e.daemon import Daemon, mqtt
from tests.faults import fault

SOURCE = {"kind": "stream", "url": "http://127.0.0.1:9/none"}
NO_DISPLAY = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}


def emotiond(
    folder: Path, config: dict[str, Any] | str, *arguments: str, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a command on a config until it ends by itself."""
    path = folder / "emotiond.yaml"
    text = config if isinstance(config, str) else msgspec.json.encode(config).decode()
    path.write_text(text)
    command = [sys.executable, "-m", "edge", *arguments, "--config", str(path)]
    environment = {**os.environ, **NO_DISPLAY, "STATE_DIRECTORY": str(folder / "state")}
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        **options,
    )


def complaints(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """Return what was written on stderr, without what libraries and the log say of good things."""
    return [line for line in done.stderr.splitlines() if "INFO" not in line]


@fault(
    "machine",
    "too little memory is allowed",
    seen="one line with what is needed",
    recovery="another limit",
)
@pytest.mark.parametrize(("command", "megabytes"), [("run", 400), ("check", 900)])
def test_too_small_an_address_space_is_one_line_and_no_signal(
    command: str, megabytes: int, tmp_path: Path
) -> None:
    limit = megabytes * 1_000_000
    done = emotiond(
        tmp_path,
        {"source": SOURCE, "sinks": []},
        command,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert f"found a limit of {megabytes} MB" in line
    assert "ulimit -v" in line


def test_the_address_space_that_is_asked_for_is_enough(tmp_path: Path) -> None:
    limit = 1_200_000_000
    config = {"source": SOURCE, "sinks": [], "web": {"enabled": True, "port": free_port()}}
    with Daemon(tmp_path, config) as daemon:
        daemon.kill()
    command = ["prlimit", f"--as={limit}", sys.executable, "-m", "edge"]
    run = [*command, "run", "--config", str(daemon.path)]
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("started within" in line for line in process.stderr)
        process.terminate()
        process.stderr.read()
    assert process.returncode == 0


@fault(
    "machine",
    "a window is all that was asked for, and there is no display",
    seen="one line, exit code 78",
    recovery="a display",
)
def test_a_window_without_a_display_that_is_all_there_is_is_one_line_and_78(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pygame", reason="the window needs the extra `preview`")
    done = emotiond(tmp_path, {"source": SOURCE, "sinks": []}, "run", "--preview")
    assert done.returncode == 78
    (line,) = complaints(done)
    assert line.startswith("emotiond: no preview window: there is no display")
    assert "set DISPLAY" in line


def test_a_window_without_a_display_beside_other_sinks_is_one_line_and_all_else_goes_on(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pygame", reason="the window needs the extra `preview`")
    config = {"source": SOURCE, "preview": {"enabled": True}, "sinks": [mqtt(free_port())]}
    with Daemon(tmp_path, config, NO_DISPLAY) as daemon:
        daemon.wait_for("started within", 60)
        daemon.wait_for("no preview window: there is no display")
        assert daemon.log.count("no preview window") == 1
        assert daemon.stop() == 0


ALIASES = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{','.join([f'*a{n}'] * 9)}]\n" for n in range(9)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n + 1}: &a{n + 1} {{<<: [{','.join([f'*a{n}'] * 9)}]}}\n" for n in range(9)
)


@fault(
    "config",
    "aliases, merges or bytes without end",
    seen="one line, exit code 78",
    recovery="edit the config",
)
@pytest.mark.parametrize(
    "text",
    [ALIASES, MERGES, "source: &a [*a]\n", "source: &a {kind: *a}\n", "x: [1,\n" * 60_000],
    ids=["aliases", "merges", "itself", "itself in a mapping", "large"],
)
def test_a_config_that_expands_for_ever_is_refused_at_once(text: str, tmp_path: Path) -> None:
    limit = (10, 10)  # seconds of CPU
    done = emotiond(
        tmp_path,
        text,
        "check",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limit),
    )
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert "emotiond.yaml: " in line
    assert "at most" in line


def test_a_config_may_use_aliases(tmp_path: Path) -> None:
    text = "source: 0\nsinks:\n  - &broker {kind: mqtt, device: a}\n  - {<<: *broker, device: b}\n"
    assert emotiond(tmp_path, text, "check").returncode == 0


WEB = """
import logging, os, resource, sys
from edge.errors import EmotiondError
from edge.pipeline.worker import LatestFrame
from edge.service.commands import CommandQueue
from edge.terminal import configure_logging
from edge.view import PrivacyBlur, ViewContext, WebSettings
from edge.view.web.server import WebServer

configure_logging()
context = ViewContext(LatestFrame(), CommandQueue(), PrivacyBlur.NONE, lambda image: None)
server = WebServer(WebSettings(port=0), context)
server.prepare()
kind, limit = {
    "descriptors": (resource.RLIMIT_NOFILE, 3),
    "memory": (resource.RLIMIT_AS, 4096),
    "nothing": (resource.RLIMIT_CORE, 0),
}[sys.argv[1]]
resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
try:
    server.start()
    server._thread.join(2)
except EmotiondError as error:
    logging.error("%s", error)
os._exit(0)
"""


@fault(
    "page",
    "it cannot be served: no thread, no port",
    seen="one line with the reason",
    recovery="a restart",
    lost="the page",
)
@pytest.mark.parametrize(("lack", "served"), [("memory", 0), ("descriptors", 0), ("nothing", 1)])
def test_a_page_that_cannot_be_served_is_not_said_to_be_there(lack: str, served: int) -> None:
    pytest.importorskip("uvicorn", reason="the page needs the extra `web`")
    run = subprocess.run(
        [sys.executable, "-c", WEB, lack], capture_output=True, text=True, timeout=60, check=False
    )
    lines = run.stderr.splitlines()
    assert sum("web page at" in line for line in lines) == served
    assert sum("the web page cannot be served" in line for line in lines) == 1 - served
