"""What is written about people is for the eyes of its owner."""

import os
from pathlib import Path

import cv2

from edge.cli import main
from edge.publish.jsonl import JsonlSettings
from edge.publish.sink import SinkContext
from edge.types import Image
from tests.events import event
from tests.faults import fault
from tests.films import cut


@fault(
    "people",
    "other users of the machine read recorded events",
    seen="permission denied to them",
    recovery="none needed",
)
def test_recorded_events_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    before = os.umask(0o022)
    try:
        JsonlSettings(path=path).open(SinkContext(None)).publish(event())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@fault(
    "people",
    "other users of the machine read collected faces and reports",
    seen="permission denied to them",
    recovery="none needed",
)
def test_recorded_faces_and_reports_can_be_read_by_their_owner_alone(
    clip: list[Image], tmp_path: Path
) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), clip[2])
    events, faces = tmp_path / "film.jsonl", tmp_path / "faces" / "happy"
    video = cut(tmp_path / "film.mp4", 30)
    before = os.umask(0o022)
    try:
        assert (
            main(
                ["collect", "--source", str(photo), "--out", str(faces.parent), "--label", "happy"]
            )
            == 0
        )
        assert main(["video", str(video), "--events", str(events)]) == 0
        assert main(["report", str(events)]) == 0
    finally:
        os.umask(before)
    (face,) = faces.iterdir()
    assert faces.stat().st_mode & 0o777 == 0o700
    for path in (face, events, events.with_suffix(".html")):
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_a_file_that_was_opened_to_a_group_on_purpose_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.touch()
    path.chmod(0o640)
    JsonlSettings(path=path).open(SinkContext(None)).publish(event())
    assert path.stat().st_mode & 0o777 == 0o640
