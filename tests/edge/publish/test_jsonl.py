import logging
import os
import resource
import signal
from pathlib import Path

import msgspec
import pytest

from edge.publish.jsonl import JsonlSettings, JsonlSink
from tests import schema
from tests.events import event


def test_events_are_appended_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(2):
        sink = JsonlSink(JsonlSettings(path))
        sink.start()
        sink.publish(event())
        sink.close(1)
    lines = path.read_bytes().splitlines()
    assert len(lines) == 2
    for line in lines:
        schema.EVENT.validate(msgspec.json.decode(line))


def test_a_disk_that_refuses_is_logged_once_counted_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = tmp_path / "later"
    sink = JsonlSink(JsonlSettings(folder / "events.jsonl"))
    sink.publish(event())
    sink.publish(event())
    assert sink.dropped == 2
    folder.mkdir()
    sink.publish(event())
    assert len((folder / "events.jsonl").read_bytes().splitlines()) == 1
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_pipe_is_a_file_as_well(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink = JsonlSink(JsonlSettings(pipe))
    sink.publish(event())
    schema.EVENT.validate(msgspec.json.decode(os.read(reader, 10_000)))
    os.close(reader)


def test_a_full_disk_never_leaves_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    sink = JsonlSink(JsonlSettings(path))
    sink.publish(event())
    size = path.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, limits[1]))
    try:
        sink.publish(event())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert sink.dropped == 1
    assert path.stat().st_size == size


def test_a_stream_of_the_process_is_no_event_file_and_still_one_sinks_alone() -> None:
    stream = JsonlSettings(Path("/dev/stdout"))
    assert (stream.event_files, stream.targets) == ((), ("/dev/stdout",))
