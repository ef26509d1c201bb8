"""`emotiond config init` and `completion`, as a terminal and a real bash see them."""

import io
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from edge.capture.camera import CameraSettings
from edge.cli import main
from edge.config import load_config
from edge.publish import MqttSettings
from tests.brokers import wait_until
from tests.conftest import ROOT


def init(*arguments: object) -> int:
    return main(["config", "init", *map(str, arguments)])


def test_flags_become_a_short_commented_config_of_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my.yaml"
    flags = "--source", "1", "--mqtt", "mqtts://me@broker", "--device", "hall", "--web"
    assert init(path, *flags) == 0
    config = load_config(path)
    (sink,) = config.sinks
    assert isinstance(config.source, CameraSettings)
    assert isinstance(sink, MqttSettings)
    assert (config.source.device, config.web.enabled) == (1, True)
    assert (sink.host, sink.port, sink.user, sink.device) == ("broker", 8883, "me", "hall")
    assert set(yaml.safe_load(path.read_text())) == {"source", "sinks", "web"}
    assert path.read_text().count("# ") == 4
    assert path.stat().st_mode & 0o044 == 0o044
    assert f"emotiond run --config {path}" in capsys.readouterr().out


def test_what_is_as_the_defaults_are_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    assert init(path, "--mqtt", "mqtt://localhost", "--device", MqttSettings().name) == 0
    assert yaml.safe_load(path.read_text()) is None
    assert init(path, "--force", "--mqtt", "none", "--device", "hall") == 0
    assert yaml.safe_load(path.read_text()) == {"sinks": []}


def test_a_file_or_link_that_is_there_is_overwritten_by_force_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, link = tmp_path / "my.yaml", tmp_path / "link.yaml"
    path.write_text("mine")
    link.symlink_to(tmp_path / "gone")
    for one in (path, link):
        assert init(one) == 1
        assert "--force" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert init(path, "--force") == 0
    assert path.read_text() != "mine"
    assert [one.name for one in tmp_path.iterdir() if ".part" in one.name] == []


@pytest.mark.parametrize(
    "wrong",
    [("--source", "camra"), ("--mqtt", "http://x"), ("--device", "a b"), ("--web", "maybe")],
)
def test_an_answer_that_cannot_be_used_writes_nothing(
    tmp_path: Path, wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path / "my.yaml", *wrong) == 78
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_person_is_asked_four_questions_and_again_after_a_wrong_answer(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "edge", "config", "init", str(tmp_path / "my.yaml")]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, cwd=ROOT)
    os.close(follower)
    os.write(leader, b"camra\n1\n\nhall\nyes\n")
    assert process.wait(60) == 0
    shown = os.read(leader, 100_000).decode()
    os.close(leader)
    assert shown.count("]:") == 5
    assert socket.gethostname() in shown
    config = load_config(tmp_path / "my.yaml")
    assert (config.sinks, config.web.enabled) == ((MqttSettings(device="hall"),), True)


def test_nobody_is_asked_where_nobody_can_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n"))
    assert init(tmp_path / "my.yaml") == 0
    assert yaml.safe_load((tmp_path / "my.yaml").read_text()) is None


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bash") / "emotiond.bash"
    command = [sys.executable, "-m", "edge", "completion", "bash"]
    with path.open("wb") as file:
        subprocess.run(command, stdout=file, check=True, cwd=ROOT)
    return path


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("emotiond vid", {"video"}),
        ("emotiond models f", {"fetch"}),
        ("emotiond config ", {"show", "init", "migrate"}),
        ("emotiond image --rot", {"--rotation"}),
        ("emotiond image --rotation ", {"0", "90", "180", "270"}),
        ("emotiond run --mq", {"--mqtt", "--mqtt-password-file"}),
        ("emotiond homeassistant remove --conf", {"--config"}),
        ("emotiond image pho", {"photo.jpg"}),
    ],
)
def test_a_real_bash_completes(script: Path, tmp_path: Path, typed: str, offered: set[str]) -> None:
    """Bash offers what it would complete, as after two tabs: by readline's own command."""
    (tmp_path / "photo.jpg").touch()
    leader, follower = pty.openpty()
    command = ["bash", "--norc", "--noprofile", "-i"]
    environment = {**os.environ, "PS1": "> ", "TERM": "dumb", "INPUTRC": "/dev/null"}
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, cwd=tmp_path, env=environment
    )
    os.close(follower)
    os.write(leader, f"source {script}; echo ready > ready\n".encode())
    wait_until((tmp_path / "ready").exists)
    os.write(leader, f"{typed}\x1b*\x01echo \x05 > offered\nexit\n".encode())
    process.wait(10)
    os.close(leader)
    line = (tmp_path / "offered").read_text()
    assert set(line.split()) >= offered
    assert set(line.split()[1:]) - set(typed.split()) - offered == set()
