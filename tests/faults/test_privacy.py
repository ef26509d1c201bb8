"""What is written about people is for the eyes of its owner."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest

from edge.cli import main
from edge.publish.jsonl import JsonlSettings
from edge.publish.sink import SinkContext
from edge.types import Image
from tests.brokers import wait_until
from tests.e2e.daemon import Daemon
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


def test_a_running_daemon_deletes_what_is_too_old(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    old = event(time=datetime.now(UTC) - timedelta(days=2))
    JsonlSettings(path=path).open(SinkContext(None)).publish(old)
    config = {
        "source": "http://127.0.0.1:9/none",
        "sinks": [{"kind": "jsonl", "path": str(path)}],
        "retention": {"max_event_age_s": 86_400},
    }
    with Daemon(tmp_path, config) as daemon:
        wait_until(lambda: path.read_bytes() == b"", 60)
        assert daemon.stop() == 0


def test_collected_faces_can_be_forgotten(clip: list[Image], tmp_path: Path) -> None:
    photo, config = tmp_path / "photo.png", tmp_path / "emotiond.yaml"
    cv2.imwrite(str(photo), clip[2])
    config.write_text("state_dir: state")
    options = ["--config", str(config)]
    collected = ["--source", str(photo), "--out", str(tmp_path / "faces"), "--label", "happy"]
    assert main(["collect", *collected, *options]) == 0
    (face,) = (tmp_path / "faces" / "happy").iterdir()
    assert main(["forget", "--yes", *options]) == 0
    assert not face.exists()
    assert photo.exists()


def test_faces_whose_age_is_bounded_are_not_written_where_they_cannot_be_noted(
    clip: list[Image], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, config = tmp_path / "photo.png", tmp_path / "emotiond.yaml"
    cv2.imwrite(str(photo), clip[2])
    (tmp_path / "state").touch()  # no folder
    collected = ["--source", str(photo), "--out", str(tmp_path / "faces"), "--label", "happy"]
    for retention, code, images in (("max_image_age_s: 60", 1, 0), ("", 0, 1)):
        config.write_text(f"state_dir: state\nretention: {{{retention}}}")
        assert main(["collect", "--config", str(config), *collected]) == code
        assert len(list((tmp_path / "faces" / "happy").iterdir())) == images
    assert "`emotiond forget` will not find it" in capsys.readouterr().out
