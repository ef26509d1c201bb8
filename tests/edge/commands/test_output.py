"""What commands print: nothing that moves a cursor, and one line or none where output ends."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from edge.bench.clips import LiveStream
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
        ["calibrate", "--source", "{stream}", "--seconds", "60"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_ctrl_c_ends_a_command_and_its_processes_without_a_word(
    arguments: list[str], clip: list[Image], tmp_path: Path
) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), clip[2])
    with LiveStream(CLIP, 15) as stream:  # which never ends by itself
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", *(one.format(stream=stream.url) for one in arguments)],
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


def test_what_there_is_one_of_is_told_in_the_singular(
    tmp_path: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, log = cut(tmp_path / "film.mp4", 1), tmp_path / "one.jsonl"
    log.write_bytes(encode_event(event()) + b"\n")
    assert main(["video", str(film)]) == 0
    assert main(["image", str(image)]) == 0
    assert main(["report", str(log)]) == 0
    assert main(["collect", "--label", "happy", "--out", str(tmp_path), "--source", str(film)]) == 0
    told = capsys.readouterr().out
    assert all(text in told for text in (": 1 frame in ", ": 1 face", ": 1 event", "1 image\n"))
    assert re.findall(r"\b1 \w+s\b", told) == []


def test_lines_of_a_table_are_not_wrapped_where_nobody_looks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    log = tmp_path / ("a" * 150) / ("b" * 150) / "events.jsonl"
    config.write_text(f"sinks: {{kind: jsonl, path: {log}}}\nstate_dir: .\n")
    assert main(["audit", "--config", str(config)]) == 0
    assert str(log) in capsys.readouterr().out


def test_the_runtime_says_nothing_of_itself_and_what_others_say_meanwhile_is_kept(
    image: Path,
) -> None:
    process = run("image", image, stdout=subprocess.PIPE)
    assert b"XNNPACK" not in process.communicate(timeout=120)[1]
    program = (
        "import os, threading; from edge.tflite import *; from edge.paths import asset\n"
        "def speak():\n"
        "    for number in range(200): os.write(2, b'line %d\\n' % number)\n"
        "thread = threading.Thread(target=speak); thread.start()\n"
        "for _ in range(3): TFLiteModel(asset('models') / 'tiny-int8.tflite', Runtime.LITERT)\n"
        "thread.join()"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.splitlines() == [f"line {number}" for number in range(200)]


def test_a_copy_is_not_printed_on_a_terminal_and_events_are(image: Path, tmp_path: Path) -> None:
    film = cut(tmp_path / "film.mp4", 20)
    for arguments, code in (
        (["image", image, "--out", "-"], 1),
        (["video", film, "--events", "-"], 0),
    ):
        leader, follower = pty.openpty()
        process = run(*arguments, stdout=follower)
        os.close(follower)
        errors = process.communicate(timeout=120)[1].decode()
        assert process.returncode == code
        assert ("found a terminal" in errors) == bool(code)
        if not code:
            assert b'"type":"start"' in os.read(leader, 100_000)
        os.close(leader)


def test_a_check_is_in_color_where_a_person_looks_unless_that_is_unwanted(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("sinks: []\nmood: happy\n")
    for variables, wanted in (({}, True), ({"NO_COLOR": "1"}, False)):
        leader, follower = pty.openpty()
        subprocess.run(
            [sys.executable, "-m", "edge", "doctor", "--config", str(config)],
            stdout=follower,
            stderr=follower,
            check=False,
            env={**os.environ, "TERM": "xterm", **variables},
        )
        os.close(follower)
        shown = os.read(leader, 100_000).decode(errors="replace")
        os.close(leader)
        assert ("\x1b[31m" in shown) == wanted, shown
        assert re.search(r"\x1b\[3\d", shown) is None or wanted, shown
