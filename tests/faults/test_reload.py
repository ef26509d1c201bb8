"""A config that cannot work is refused at a reload, and the daemon goes on with the old one."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.commands.embedded_broker import free_port
from edge.config import parse_config
from edge.paths import lock_private
from tests.e2e.daemon import Daemon, mqtt
from tests.edge.infer.models import copy_brightness
from tests.faults import fault

SOURCE = {"kind": "stream", "url": "http://127.0.0.1:9/none"}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, {"source": SOURCE, "sinks": []}) as one:
        one.wait_for("started within", 60)
        yield one


def refused(daemon: Daemon, config: dict[str, Any] | str, reason: str) -> None:
    """Reload with a config; it must be refused for a reason, and the daemon still answer."""
    if isinstance(config, str):
        daemon.path.write_text(config)
    else:
        daemon.write(config)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("the settings of before stay")
    (line,) = (line for line in daemon.log.splitlines() if "settings of before stay" in line)
    assert reason in line
    assert "reloaded" not in daemon.log
    lines = [line for line in daemon.log.splitlines() if "Traceback" in line]
    assert not lines, daemon.log
    daemon.write({"source": SOURCE, "sinks": [], "classifier": {"min_confidence": 0.4}})
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("changed: classifier")
    assert daemon.stop() == 0


@fault(
    "config",
    "reload with a port that is taken",
    seen="one line with the reason; the old settings stay",
    recovery="another reload",
)
def test_a_port_that_another_program_has_is_refused(daemon: Daemon) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        web = {"enabled": True, "port": other.getsockname()[1]}
        refused(daemon, {"source": SOURCE, "sinks": [], "web": web}, "Address already in use")


@fault(
    "config",
    "reload with an address of another machine",
    seen="one line with the reason; the old settings stay",
    recovery="another reload",
)
def test_an_address_of_another_machine_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x" * 20)
    web = {"enabled": True, "host": "192.0.2.1", "port": 8080, "token": {"file": str(token)}}
    refused(daemon, {"source": SOURCE, "sinks": [], "web": web}, "another `web.host`")


@fault(
    "config",
    "reload with a video or folder that is missing",
    seen="one line with its path; the old settings stay",
    recovery="another reload",
)
@pytest.mark.parametrize("kind", ["video", "images"])
def test_a_file_or_folder_that_is_missing_is_refused(daemon: Daemon, kind: str) -> None:
    source = {"kind": kind, "path": "/none/such.mp4"}
    refused(daemon, {"source": source, "sinks": []}, "/none/such.mp4")


@fault(
    "config",
    "reload with the device of another daemon",
    seen="one line that names the other emotiond",
    recovery="another reload",
)
def test_an_outbox_that_another_process_holds_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    sinks = [mqtt(free_port())]
    (box,) = parse_config(
        {"sinks": sinks, "state_dir": "state"}, tmp_path / "config"
    ).outbox_paths()
    assert box is not None
    held = lock_private(box.with_name(f"{box.name}.lock"))
    assert held
    refused(daemon, {"source": SOURCE, "sinks": sinks}, "another emotiond")


@fault(
    "config",
    "reload of an empty file, or of one that is no YAML",
    seen="one line with the place; the old settings stay",
    recovery="another reload",
)
@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "state_dir: 2026-13-45\n", "web: {port: 0x_}\n"]
)
def test_a_file_that_says_nothing_or_that_yaml_cannot_read_is_refused(
    daemon: Daemon, text: str
) -> None:
    refused(daemon, text, "daemon.yaml")


@fault(
    "config",
    "reload with a model whose card is damaged",
    seen="one line with the card; the old settings stay",
    recovery="another reload",
)
def test_a_model_whose_card_is_damaged_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "own.tflite").write_bytes(b"TFL3")
    (tmp_path / "own.json").write_bytes(b'{"name": "\xe4"}')
    config = {"source": SOURCE, "sinks": [], "classifier": {"model": str(tmp_path / "own.tflite")}}
    refused(daemon, config, "own.json")


@fault(
    "model",
    "a model is replaced under the same name",
    seen="`changed: classifier` at the next reload",
    recovery="none needed",
)
def test_another_model_under_the_same_name_is_taken(tmp_path: Path) -> None:
    model = copy_brightness(tmp_path)
    config = {"source": SOURCE, "sinks": [], "classifier": {"model": str(model)}}
    with Daemon(tmp_path, config) as daemon:
        daemon.wait_for("started within", 60)
        card = model.with_suffix(".json")
        card.write_text(card.read_text().replace('"threshold":0.5', '"threshold":0.6'))
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("changed: classifier")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("changed: nothing")
