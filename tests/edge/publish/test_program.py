"""The command sink and real programs: those that do their work, fail, hang, or are not there."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from edge.config import parse_config
from edge.doctor.checks import guarded
from edge.errors import ConfigError, Level
from edge.publish import SinkContext
from edge.publish.program import CommandSettings, CommandSink
from tests.brokers import wait_until
from tests.events import event, uncertain

Start = Callable[..., CommandSink]


@pytest.fixture
def start() -> Iterator[Start]:
    """What starts a sink that runs Python on a program text."""
    opened: list[CommandSink] = []

    def begin(program: str, *arguments: str, timeout_s: float = 20.0) -> CommandSink:
        settings = CommandSettings((sys.executable, "-c", program, *arguments), timeout_s)
        opened.append(settings.open(SinkContext()))
        opened[-1].start()
        return opened[-1]

    yield begin
    for sink in opened:
        sink.close(0.0)


KEEP = """
import json, os, sys
with open(sys.argv[1], "a") as file:
    print(json.dumps([json.load(sys.stdin), dict(os.environ), sys.argv[2:]]), file=file)
"""


def test_a_program_gets_each_event_in_order_and_no_shell_reads_its_arguments(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "hunter2")
    monkeypatch.setenv("EMOTIOND_WEB__PORT", "8081")
    out = tmp_path / "runs"
    sink = start(KEEP, str(out), "$HOME; touch x", "two words")
    sink.publish(event(track_id=1, zones=("door", "desk")))
    sink.publish(uncertain(track_id=2))
    sink.close(30)
    runs = [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]
    assert [run[0]["track_id"] for run in runs] == [1, 2]
    payload, environment, arguments = runs[0]
    assert arguments == ["$HOME; touch x", "two words"]
    assert environment["EVENT_EMOTION"] == payload["emotion"] == "happy"
    assert environment["EVENT_ZONES"] == "door desk"
    assert environment["EVENT_TRACK_ID"] == "1"
    assert environment["PATH"] == os.environ["PATH"]
    assert "EVENT_CONFIDENCE" not in runs[1][1]
    assert "hunter2" not in str(environment)
    assert not [name for name in environment if name.startswith("EMOTIOND_")]


HANG = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.replace(sys.argv[1] + ".part", sys.argv[1])
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_a_program_that_hangs_is_killed_with_its_children_and_the_next_event_has_its_turn(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = start(HANG, str(tmp_path / "pids"), timeout_s=3.0)
    sink.publish(event())
    wait_until((tmp_path / "pids").exists)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    (tmp_path / "pids").unlink()
    sink.publish(event())
    wait_until((tmp_path / "pids").exists)
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    assert caplog.records[0].message == f"command {sys.executable}: was killed after 3 s"


def test_the_end_of_the_daemon_is_the_end_of_the_program(start: Start, tmp_path: Path) -> None:
    sink = start(HANG, str(tmp_path / "pids"), timeout_s=600.0)
    sink.publish(event())
    sink.publish(event())
    wait_until((tmp_path / "pids").exists)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    sink.close(0.1)
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    assert sink.dropped == 1


def test_what_waits_behind_a_slow_program_is_bounded_and_counted_and_nobody_waits(
    start: Start, tmp_path: Path
) -> None:
    sink = start(HANG, str(tmp_path / "pids"), timeout_s=600.0)
    began = time.monotonic()
    for _ in range(500):
        sink.publish(event())
    assert time.monotonic() - began < 5
    assert sink.dropped >= 399


def test_a_program_that_fails_is_told_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    sink = start("raise SystemExit(3)")
    for _ in range(3):
        sink.publish(event())
    sink.close(30)
    assert [record.message for record in caplog.records] == [
        f"command {sys.executable}: ends with 3"
    ]


def test_a_program_that_does_not_read_its_input_and_says_much_is_no_fault(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    sink = start("import os; os.close(0); [print('x' * 1000) for _ in range(1000)]")
    for _ in range(2):
        sink.publish(event(zones=("z" * 100_000,)))  # more than a pipe holds
    sink.close(30)
    assert caplog.records == []
    assert sink.dropped == 0


def test_a_program_that_goes_away_meanwhile_is_told_once_and_works_again_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program, ran = tmp_path / "ring", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    sink = CommandSettings((str(program),)).open(SinkContext())
    sink.start()
    program.rename(tmp_path / "gone")
    for _ in range(2):
        sink.publish(event())
    wait_until(lambda: caplog.records)
    (tmp_path / "gone").rename(program)
    sink.publish(event())
    wait_until(ran.exists)
    sink.close(30)
    assert [record.message for record in caplog.records] == [
        f"command {program}: cannot be run: No such file or directory"
    ]


def test_a_program_that_is_not_there_is_one_line_and_a_failure_for_doctor() -> None:
    data = {"sinks": {"kind": "command", "arguments": ["no-such-program", "x"]}}
    (settings,) = parse_config(data, Path("my.yaml")).sinks
    with pytest.raises(ConfigError, match="found 'no-such-program'"):
        settings.open(SinkContext())
    assert [one.level for one in guarded("sink", settings.check())] == [Level.FAILURE]


@pytest.mark.parametrize("arguments", [[], [""], ["a\0b"], "ls -l"])
def test_arguments_are_a_list_that_begins_with_a_program(arguments: object) -> None:
    with pytest.raises(ConfigError, match=r"sinks\[0\]"):
        parse_config({"sinks": {"kind": "command", "arguments": arguments}}, Path("my.yaml"))
