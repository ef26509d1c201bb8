"""What was recorded, as the page draws it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge.publish.events import decode_event, encode_event
from edge.types import EmotionEvent, EventType
from edge.view.web.history import History
from tests.edge.offline.days import MORNING, event
from tests.edge.view.web.servers import serve

NOON = MORNING + timedelta(hours=4)


def record(path: Path) -> None:
    """Write a day: one face that is happy for a minute at 10:00, then sad for half of one."""
    ten = 2 * 3600.0  # seconds after `MORNING`
    events = [
        event(EventType.START, 1, "happy", ten),
        event(EventType.CHANGE, 1, "sad", ten + 60),
        event(EventType.END, 1, "sad", ten + 90, duration=90.0),
    ]
    path.write_bytes(b"\n".join(map(encode_event, events)) + b"\n")


def test_a_day_tells_who_was_there_for_how_long_and_when(tmp_path: Path) -> None:
    record(tmp_path / "events.jsonl")
    told = History([tmp_path / "events.jsonl"]).read(NOON.timestamp(), 24 * 3600)
    assert (told["faces"], told["in_view"]) == (1, 90.0)
    assert told["seconds"] == {"happy": 60.0, "sad": 30.0}
    seen = [bar for bar in told["bars"] if bar["seconds"]]
    assert [bar["start"] for bar in seen] == ["2026-11-20T10:00:00.000Z"]


def test_a_period_has_no_more_than_its_own_part_of_what_was_seen(tmp_path: Path) -> None:
    record(tmp_path / "events.jsonl")
    end = NOON.timestamp() - 2 * 3600 + 70
    told = History([tmp_path / "events.jsonl"]).read(end, 60)
    assert told["seconds"] == {"happy": 50.0, "sad": 10.0}


def test_lines_that_are_no_events_and_files_that_are_not_there_are_left_out(
    tmp_path: Path,
) -> None:
    record(tmp_path / "events.jsonl")
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"half an eve\n\xff\n')
    files = [tmp_path / "events.jsonl", tmp_path / "absent.jsonl"]
    assert History(files).read(NOON.timestamp(), 24 * 3600)["faces"] == 1


def test_a_second_look_reads_what_is_new_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = tmp_path / "events.jsonl", list[bytes]()

    def decode(line: bytes) -> EmotionEvent:
        read.append(line)
        return decode_event(line)

    monkeypatch.setattr("edge.view.web.history.decode_event", decode)
    record(path)
    history = History([path])
    assert history.read(NOON.timestamp(), 24 * 3600)["faces"] == 1
    with path.open("ab") as file:
        for one in (
            event(EventType.START, 2, "sad", 9000),
            event(EventType.END, 2, "sad", 9010, duration=10.0),
        ):
            file.write(encode_event(one) + b"\n")
        file.write(encode_event(event(EventType.START, 3, "sad", 9020))[:40])  # is being written
    assert history.read(NOON.timestamp(), 24 * 3600)["faces"] == 2
    assert len(read) == 5


def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    path, new = tmp_path / "events.jsonl", tmp_path / "new"
    record(path)
    history = History([path])
    assert history.read(NOON.timestamp(), 24 * 3600)["in_view"] == 90.0
    new.write_bytes(path.read_bytes().partition(b"\n")[2])  # retention deletes the oldest
    new.replace(path)
    assert history.read(NOON.timestamp(), 24 * 3600)["in_view"] == 30.0


def test_the_parts_add_up_to_the_whole_and_zones_have_their_time(tmp_path: Path) -> None:
    events = [
        replace(event(EventType.START, 1, "happy", 100.0), zones=("door",)),
        replace(event(EventType.ZONE, 1, "happy", 130.0), zones=()),
        event(EventType.END, 1, "happy", 150.0, duration=50.0),
    ]
    (tmp_path / "events.jsonl").write_bytes(b"".join(encode_event(one) + b"\n" for one in events))
    files = [tmp_path / "events.jsonl"] * 2  # two sinks may write the same
    told = History(files).read(NOON.timestamp(), 24 * 3600, parts=744)
    assert (told["zones"], told["seconds"]) == ({"door": 30.0}, {"happy": 50.0})
    assert len(told["bars"]) == 744
    assert sum(bar["seconds"].get("happy", 0.0) for bar in told["bars"]) == pytest.approx(50.0)


def test_the_report_is_of_the_time_asked_for_and_runs_nothing(tmp_path: Path) -> None:
    with serve(folder=tmp_path) as server:
        record(tmp_path / "events.jsonl")
        found = server.get(f"/api/report?hours=24&end={NOON:%Y-%m-%dT%H:%M:%SZ}")
        assert found.headers["content-type"].startswith("text/html")
        assert found.headers["content-security-policy"].startswith("default-src 'none'; style-src")
        assert b"<dt>faces</dt><dd>1</dd>" in found.body
        before = server.get("/api/report?hours=1&end=2026-01-01T00:00:00Z")
        assert (before.status, before.code) == (409, "failed")
        assert "found none" in before.json["error"]["message"]
