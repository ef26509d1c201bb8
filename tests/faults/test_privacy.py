"""What is written about people is for the eyes of its owner."""

import os
from pathlib import Path

from edge.publish.jsonl import JsonlSettings
from edge.publish.sink import SinkContext
from tests.events import event


def test_recorded_events_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    before = os.umask(0o022)
    try:
        JsonlSettings(path=path).open(SinkContext(None)).publish(event())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_opened_to_a_group_on_purpose_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.touch()
    path.chmod(0o640)
    JsonlSettings(path=path).open(SinkContext(None)).publish(event())
    assert path.stat().st_mode & 0o777 == 0o640
