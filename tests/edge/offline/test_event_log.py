import os
from pathlib import Path

import pytest

from edge.errors import InputError
from edge.offline.event_log import EventLog
from edge.publish.jsonl import JsonlSettings, JsonlSink
from edge.publish.payload import encode_event
from edge.types import EventType
from tests.edge.offline.recordings import at, record
from tests.events import event, uncertain


def test_what_the_jsonl_sink_wrote_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    sink = JsonlSink(JsonlSettings(path))
    written = [event(), uncertain(track_id=2), event(EventType.END)]
    for one in written:
        sink.publish(one)
    recording = EventLog(path)
    assert recording.count == 3
    assert recording.labels == ("happy", "neutral")
    assert [one.id for one in recording] == [one.id for one in written]
    assert recording.first.id == written[0].id


def test_it_lasts_from_the_first_event_to_the_last_and_no_time_passes_backwards(
    tmp_path: Path,
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(10), at(4), at(5)])
    assert EventLog(path).seconds == 11


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "truncated"),
        (b"\x00\xff\n", "malformed"),
        (b'{"track_id": 1}\n', "missing required field"),
        (encode_event(event()).replace(b'"happy",', b'"bored",'), "Expected `confidence` and"),
        (encode_event(event()).replace(b'"id"', b'"a\\nb":1,"id"'), "unknown field"),
        (b"[" * 100_000, ""),
    ],
)
def test_a_line_that_is_no_event_is_told_with_its_number_in_one_line(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = record(tmp_path / "events.jsonl", [event(), event()])
    path.write_bytes(path.read_bytes() + b"\n" + line)
    with pytest.raises(InputError) as caught:
        EventLog(path)
    text = str(caught.value)
    assert text.startswith(f"{path}, line 4: expected an event")
    assert reason in text
    assert "\n" not in text
    assert len(text) < 500


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_an_event_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="expected an event on each line, found no line"):
        EventLog(path)


@pytest.mark.parametrize(("name", "reason"), [("gone", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"cannot be read: {reason}"):
        EventLog(tmp_path / name)


def test_what_is_written_meanwhile_is_no_part_of_it(tmp_path: Path) -> None:
    path = record(tmp_path / "events.jsonl", [event()])
    recording = EventLog(path)
    with path.open("ab") as file:
        file.write(b"{")
    assert len(list(recording)) == 1


def test_a_pipe_which_cannot_be_read_twice_is_refused() -> None:
    reading, writing = os.pipe()
    os.write(writing, encode_event(event()) + b"\n")
    os.close(writing)
    try:
        with pytest.raises(InputError, match="expected a file, which is read twice, not a pipe"):
            EventLog(Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)
