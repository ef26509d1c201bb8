"""Every command in a document is typed as it stands, or parsed where it cannot be run here."""

import os
import re
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copytree, which
from typing import Any

import cv2
import msgspec
import pytest

import converter.cli
import edge.cli
from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.errors import ExitCode
from tests.brokers import new_broker, wait_until
from tests.conftest import ROOT
from tests.converter.faces import write_csv
from tests.docs.pages import USER_PAGES, blocks, programs, shell_lines
from tests.e2e.daemon import Daemon, mqtt
from tests.films import cut

MAINS = {"emotiond": edge.cli.main, "emotiond-convert": converter.cli.main}

NOT_RUN = {
    "make": "tests/e2e/test_demo.py runs the demo; test_every_make_target_is_known tries the rest",
    "sudo": "needs root: tests/system boots a Debian and installs, upgrades and removes there",
    "systemctl": "needs a running systemd: tests/system/test_installation.py",
    "journalctl": "needs a running systemd: tests/system/test_journal.py",
    "pipx": "as pip: tests/packaging/test_wheel.py",
    "docker": "needs Docker: tests/packaging/test_compose.py types it with podman",
    "tar -xf": "needs what is built first: tests/packaging/test_docs.py",
    "git": "needs a remote repository",
    "pip": "installs from a registry; make test does so",
    "python3 -m venv": "takes long; make does so",
    "dask": "serves until it is ended: tests/edge/offline and tests/edge/commands/test_video.py",
    "ls /dev/v4l/by-id": "needs a camera",
    "emotiond run --source 0 --web --no-mqtt": "as `emotiond run --web`",
    "emotiond run --source video.mp4 --mqtt mqtt://broker.local --device kitchen": (
        "needs that broker: tests/edge/commands/test_run.py"
    ),
    "emotiond run --web": "serves until it is ended: tests/e2e/test_page.py",
    "emotiond run --preview": "opens a window until it is ended: tests/e2e/test_preview.py",
    "emotiond watch": "shows events until it is ended: tests/edge/commands/test_watch.py",
    "emotiond collect": "opens a camera: tests/edge/commands/test_faces.py",
    "emotiond calibrate": "needs somebody who looks neutral: tests/edge/commands/test_faces.py",
    "emotiond bench": "measures for minutes: tests/edge/bench and tests/edge/commands",
    "emotiond video /archive/": "needs a cluster: tests/edge/commands/test_video.py",
    "emotiond-convert make-model": "trains: tests/converter",
    "emotiond-convert train": "trains for hours: tests/converter",
    "emotiond-convert quantize": "needs a training: tests/converter",
    "emotiond-convert convert": "needs TensorFlow: tests/converter/quantize",
    "emotiond-convert evaluate-detector": "needs photographs with boxes: tests/converter/detector",
}
"""What commands begin with that are only parsed, and why, or where else they are run."""

TYPED_ELSEWHERE = {"mqtt.md": "tests/docs/test_mqtt.py", "web.md": "below, against a daemon"}
"""Pages whose commands need a daemon."""

EXIT_CODES = {"emotiond doctor": {ExitCode.OK, ExitCode.FAULT}}
"""What else than 0 is right: not every machine has a camera."""

COMMANDS = [
    (page.name, line)
    for page in USER_PAGES
    for line in shell_lines(page)
    if page.name not in TYPED_ELSEWHERE
]


def reason(line: str) -> str | None:
    """Return why a line is not run."""
    for words in programs(line):
        text = " ".join(words)
        for start, why in NOT_RUN.items():
            if re.match(rf"{re.escape(start)}(?!\w)", text):
                return why
    return None


RUN = list(dict.fromkeys(line for _, line in COMMANDS if reason(line) is None))


class Parsed(BaseException):
    """The arguments were understood."""


@pytest.mark.parametrize("page", USER_PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_understood(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parse = ArgumentParser.parse_args

    def stop(*arguments: Any) -> None:
        parse(*arguments)
        raise Parsed

    monkeypatch.setattr(ArgumentParser, "parse_args", stop)
    for words in (words for line in shell_lines(page) for words in programs(line)):
        program, *arguments = words[1:] if words[0] == "sudo" else words
        if program in MAINS:
            with pytest.raises(Parsed):
                MAINS[program](arguments)


def test_every_command_is_run_or_has_a_reason_that_is_still_needed() -> None:
    assert len(RUN) > 20
    for start, why in NOT_RUN.items():
        assert [line for _, line in COMMANDS if reason(line) == why], start


def test_every_make_target_is_known() -> None:
    lines = [line for _, line in COMMANDS if line.startswith("make ")]
    assert lines
    for line in lines:
        done = subprocess.run(
            ["make", "-n", *line.split()[1:]], cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 0, (line, done.stderr)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the files that the pages speak of, and an environment to type in."""
    folder = tmp_path_factory.mktemp("desk")
    video = cut(folder / "video.mp4", 40)
    for name in ("archive", "photos", "bin", "mine"):
        (folder / name).mkdir()
    copy(video, folder / "archive" / "one.mp4")
    copy(video, folder / "archive" / "two.mp4")
    copy(first_frame(video, folder / "photo.jpg"), folder / "photos" / "one.jpg")
    for program, module in (("emotiond", "edge"), ("emotiond-convert", "converter")):
        path = folder / "bin" / program
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        path.chmod(0o755)
    for suffix in (".tflite", ".json"):
        copy(ROOT / "models" / f"tiny-int8{suffix}", folder / "mine")
    write_csv(folder)
    copytree(ROOT / "config" / "fleet" / "mosquitto" / "site", folder / "site")
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    with new_broker(folder) as broker:
        config = {
            "source": {"kind": "video", "path": "video.mp4", "realtime": False},
            "sinks": [mqtt(broker.port), {"kind": "jsonl", "path": "events.jsonl"}],
            "state_dir": "state",
        }
        (folder / "my.yaml").write_bytes(msgspec.json.encode(config))
        type_in("emotiond run --config my.yaml", folder, environment)
        for name in ("monday", "tuesday"):
            copy(folder / "events.jsonl", folder / f"{name}.jsonl")
        yield folder, environment


def first_frame(video: Path, image: Path) -> Path:
    """Write the first frame of a video; return the image's path."""
    capture = cv2.VideoCapture(str(video))
    cv2.imwrite(str(image), capture.read()[1])
    capture.release()
    return image


def type_in(script: str, folder: Path, environment: dict[str, str]) -> None:
    """Run a script as a user types it; its exit code must be right."""
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    right = done.returncode in expected_codes(script)
    assert right, (script, done.returncode, done.stdout, done.stderr)


def skip_without(program: str) -> None:
    """Skip where a program that is no part of emotiond is not installed."""
    if program not in MAINS and which(program) is None:
        pytest.skip(f"{program} is not installed")


def expected_codes(script: str) -> set[int]:
    for start, codes in EXIT_CODES.items():
        if script.startswith(start):
            return {int(code) for code in codes}
    return {0}


@pytest.mark.parametrize("line", RUN)
def test_a_command_works_as_it_stands(
    line: str, desk: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, environment = desk
    (program, *arguments), *others = programs(line)
    skip_without(program)
    if program in MAINS and not others and arguments[0] != "run":  # without starting a process
        monkeypatch.chdir(folder)
        monkeypatch.setenv("XDG_STATE_HOME", environment["XDG_STATE_HOME"])
        files = [sorted(map(str, Path().glob(one))) if "*" in one else [one] for one in arguments]
        assert MAINS[program]([word for words in files for word in words]) in expected_codes(line)
    else:
        type_in(line, folder, environment)


def test_the_commands_of_the_web_page_work_as_they_stand(
    desk: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    page = ROOT / "docs" / "web.md"
    skip_without("curl")
    token, requests = (block for block in blocks(page, "sh") if "emotiond run" not in block)
    folder, environment = desk
    copy(folder / "photo.jpg", tmp_path)
    type_in(token, tmp_path, environment)
    port = free_port()
    config = {
        "source": {"kind": "video", "path": str(CLIP)},
        "sinks": [{"kind": "jsonl", "path": "events.jsonl"}],
        "web": {"enabled": True, "port": port, "token": {"file": "web-token"}},
    }
    with Daemon(tmp_path, config) as daemon:
        daemon.wait_for(f"127.0.0.1:{port}")
        wait_until((tmp_path / "events.jsonl").exists)
        script = requests.replace("8080", str(port))
        for line in script.splitlines()[1:]:
            auth = script.splitlines()[0]
            stops_itself = "--max-time" in line
            command = f"{auth}\n{line.replace('curl', 'curl --fail -sS')}"
            if stops_itself:
                command += " || [ $? = 28 ]"
            type_in(command, tmp_path, environment)
    assert (tmp_path / "annotated.jpg").read_bytes().startswith(b"\xff\xd8\xff")
