"""What commands print: nothing that moves a cursor, and one line or none where output ends."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from edge.cli import main
from edge.commands.demo import CLIP
from edge.publish.events import encode_event
from edge.types import Image
from tests.conftest import ROOT
from tests.edge.infer.models import copy_model
from tests.events import event
from tests.films import cut

HOSTILE = "\x1b[2J\n[/]\x9b:x:"
"""Control characters and what other programs take for markup."""


@pytest.fixture
def image(clip: list[Image], tmp_path: Path) -> Path:
    path = tmp_path / f"a{HOSTILE.replace('/', '')}.png"
    path.write_bytes(cv2.imencode(".png", clip[2])[1].tobytes())
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model whose labels are hostile."""
    labels = [HOSTILE + str(number) for number in range(8)]
    return copy_model(tmp_path, labels=labels, label_set="")


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    found = capsys.readouterr()
    return [*found.out.splitlines(), *found.err.splitlines()]


def test_no_name_or_label_moves_the_cursor(
    image: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["image", str(image), "--model", str(model)]) == 0
    assert main(["image", str(image), "--model", str(model), "--json"]) == 0
    gone = tmp_path / "\x1b[2J.jpg"
    assert main(["image", str(gone)]) == 1
    video = cut(tmp_path / "\x1b[2J.mp4", 60)
    assert main(["video", str(video), "--model", str(model)]) == 0
    assert main(["video", str(video), "--model", str(model), "--json"]) == 0
    assert main(["video", str(gone)]) == 2
    log = tmp_path / "\x1b[2J.jsonl"
    log.write_bytes(encode_event(event()) + b"\n")
    assert main(["report", str(log)]) == 0
    lines = printed(capsys)
    assert len(lines) > 12
    assert [line for line in lines if not line.isprintable()] == []


def test_no_message_of_the_log_moves_the_cursor(
    tmp_path: Path,
) -> None:
    program = (
        "import logging; from edge.terminal import configure_logging; configure_logging();"
        "logging.getLogger().error('camera %s', '\\x1b[2J')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.endswith("ERROR camera ?[2J\n")


def run(*arguments: object, stdout: int, buffered: bool = True) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"}
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=stdout, stderr=pipe, env=environment, cwd=ROOT)


def said(process: "subprocess.Popen[bytes]") -> list[str]:
    """Return what emotiond itself said on stderr until it ended."""
    text = process.communicate(timeout=120)[1].decode()
    assert "Traceback" not in text
    assert "Exception ignored" not in text
    return [line for line in text.splitlines() if not re.match(r"INFO: |\d{4}-\d\d-\d\d ", line)]


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("arguments", [["--help"], ["check"], ["image", "{image}", "--json"]])
def test_output_that_cannot_be_written_is_one_line_and_a_fault(
    image: Path, arguments: list[str], buffered: bool
) -> None:
    with open("/dev/full", "wb") as full:
        named = [one.format(image=image) for one in arguments]
        process = run(*named, buffered=buffered, stdout=full.fileno())
        lines = said(process)
    if arguments == ["--help"] and not buffered and process.returncode == 0:
        pytest.skip("argparse ignores it")
    assert process.returncode == 1
    assert lines == ["emotiond: standard output cannot be written: No space left on device"]


def test_a_reader_that_has_enough_ends_a_command_without_a_word(image: Path) -> None:
    process = run("image", *[image] * 40, "--json", stdout=subprocess.PIPE)
    assert process.stdout is not None
    os.read(process.stdout.fileno(), 900)
    process.stdout.close()
    process.stdout = None
    assert said(process) == []
    assert process.returncode == 141


@pytest.mark.parametrize(
    "arguments",
    [
        ["image", *["a.png"] * 10_000],
        ["demo"],
        ["bench", "tiny-int8", "--only", "models"],
        ["calibrate", "--source", str(CLIP), "--seconds", "60"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_ctrl_c_ends_a_command_and_its_processes_without_a_word(
    arguments: list[str], clip: list[Image], tmp_path: Path
) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), clip[2])
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        start_new_session=True,  # a group of its own, as a shell gives it
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)
    os.killpg(process.pid, signal.SIGINT)
    assert said(process) == []
    assert process.returncode == 130
