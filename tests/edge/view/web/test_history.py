"""What was recorded, as the page draws it."""

from datetime import timedelta
from pathlib import Path

from edge.publish.events import encode_event
from edge.types import EventType
from edge.view.web.history import History
from tests.edge.offline.days import MORNING, event

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
