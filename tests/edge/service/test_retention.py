"""What was recorded of people is deleted when it is older than the config allows, or when told."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from edge.cli import main
from edge.config import Config, load_config, parse_config
from edge.paths import lock_private, note_image
from edge.publish.jsonl import JsonlSettings, prune_events
from edge.publish.sink import SinkContext
from edge.service.retention import delete_expired
from tests.events import event

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = 3600.0


def config_of(folder: Path, **retention: float) -> Config:
    """Return a config with a JSONL sink and an outbox in `folder`."""
    fields = {
        "sinks": [{"kind": "jsonl", "path": "events.jsonl"}, {"kind": "mqtt", "device": "a"}],
        "state_dir": "state",
        "retention": retention,
    }
    return parse_config(fields, folder / "emotiond.yaml")


def expire(folder: Path, **retention: float) -> list[str]:
    """Delete what is expired of that config; return why something could not be."""
    return list(delete_expired(config_of(folder, **retention), NOW))


def record(path: Path, *hours: float) -> None:
    """Append events of so many hours before NOW."""
    sink = JsonlSettings(path).open(SinkContext(None))
    for age in hours:
        sink.publish(event(track_id=round(age * 100), time=NOW - timedelta(hours=age)))


def ages(path: Path) -> list[float]:
    return [
        float(line.split('"track_id":')[1].split(",")[0]) / 100
        for line in path.read_text().splitlines()
    ]


def aged(path: Path, hours: float) -> Path:
    """Make a file that was last written so many hours before NOW."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    written = NOW.timestamp() - hours * HOUR
    os.utime(path, (written, written))
    return path


def test_no_event_in_a_file_is_older_than_it_may_be_and_the_mode_stays(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    record(path, 30, 10.01, 9.5, 8, 1)
    path.chmod(0o640)
    expire(tmp_path, max_event_age_s=10 * HOUR)
    assert ages(path) == [8, 1]  # a tenth of the age is deleted ahead
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.glob("*events*")] == ["events.jsonl"]


def test_a_file_without_an_event_that_is_too_old_is_not_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    record(path, 9.9, 1)
    before = path.stat().st_ino
    expire(tmp_path, max_event_age_s=10 * HOUR)
    assert path.stat().st_ino == before


def test_without_a_bound_nothing_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    record(path, 10_000, 1)
    image = aged(tmp_path / "faces" / "1.png", 10_000)
    note_image(image, tmp_path / "state")
    expire(tmp_path)
    assert ages(path) == [10_000, 1]
    assert image.exists()


def test_a_broken_line_goes_with_the_event_before_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    record(path, 30)
    with path.open("ab") as file:
        file.write(b'\xff{"time": 3}\n[1]\n')
    record(path, 2)
    with path.open("ab") as file:
        file.write(b'{"time": \n')
    expire(tmp_path, max_event_age_s=10 * HOUR)
    assert path.read_bytes().count(b"\n") == 2
    assert path.read_bytes().endswith(b'{"time": \n')


def test_what_a_sink_appends_while_a_file_is_pruned_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    record(path, 30)
    count = 2000
    sink = JsonlSettings(path).open(SinkContext(None))
    recent = [event(track_id=number, time=NOW) for number in range(count)]

    def write() -> None:
        for one in recent:
            sink.publish(one)

    writer = Thread(target=write)
    writer.start()
    while writer.is_alive():
        prune_events(path, NOW + timedelta(hours=1), NOW - timedelta(hours=1))
    writer.join()
    lines = path.read_text().splitlines()
    assert len(lines) - (lines[0].count('"track_id":3000')) == count


def test_images_that_were_noted_are_deleted_by_age_and_no_others(tmp_path: Path) -> None:
    old, new = aged(tmp_path / "faces" / "1.png", 30), aged(tmp_path / "faces" / "2.png", 1)
    other = aged(tmp_path / "faces" / "mine.png", 30)
    for path in (old, new):
        note_image(path, tmp_path / "state")
    assert expire(tmp_path, max_image_age_s=10 * HOUR) == []
    assert sorted((tmp_path / "faces").iterdir()) == [new, other]
    assert [link.readlink() for link in (tmp_path / "state" / "images").iterdir()] == [new]


def test_an_image_that_is_about_to_be_written_stays_noted_and_one_that_went_away_does_not(
    tmp_path: Path,
) -> None:
    links = tmp_path / "state" / "images"
    note_image(tmp_path / "moved away.png", tmp_path / "state")
    (link,) = links.iterdir()
    os.utime(link, (0, 0), follow_symlinks=False)
    note_image(tmp_path / "soon.png", tmp_path / "state")
    (other,) = (one for one in links.iterdir() if one != link)
    os.utime(other, (NOW.timestamp(), NOW.timestamp()), follow_symlinks=False)
    expire(tmp_path, max_image_age_s=10 * HOUR)
    assert [link.readlink().name for link in links.iterdir()] == ["soon.png"]


def test_an_uploaded_video_and_its_results_are_deleted_after_an_hour(tmp_path: Path) -> None:
    old, new = (tmp_path / "state/uploads" / name / "annotated.mp4" for name in ("old", "new"))
    for path, age in ((old, 1.1), (new, 0.9)):
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (NOW.timestamp() - age * HOUR,) * 2)
    assert expire(tmp_path) == []
    assert not old.parent.exists()
    assert new.exists()


def test_damaged_and_earlier_outboxes_are_deleted_by_age_and_the_present_one_is_not(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    _, path = config_of(tmp_path).outbox_paths()
    assert path is not None
    present = aged(path, 30)
    for name in (f"{path.name}.damaged", "outbox-emotiond-old.sqlite"):
        aged(state / name, 30)
    expire(tmp_path, max_event_age_s=10 * HOUR)
    assert list(state.iterdir()) == [present]


def test_an_outbox_keeps_no_event_for_longer_than_events_are_kept() -> None:
    for age, bound in ((60.0, 60.0), (1e9, 604_800.0)):
        fields: dict[str, Any] = {"retention": {"max_event_age_s": age}}
        (sink,) = parse_config(fields, Path("emotiond.yaml")).sinks
        assert sink.outbox.max_age_s == bound  # type: ignore[union-attr]


def test_a_file_that_cannot_be_deleted_is_told(tmp_path: Path) -> None:
    note_image(tmp_path, tmp_path / "state")  # a folder is no image
    os.utime(tmp_path, (0, 0))
    (failure,) = expire(tmp_path, max_image_age_s=10 * HOUR)
    assert f"{tmp_path}: older than it may be, and cannot be deleted" in failure


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config of which an event, an outbox, an image and a calibration are stored."""
    path = tmp_path / "emotiond.yaml"
    path.write_text(
        "sinks: [{kind: jsonl, path: events.jsonl}]\nstate_dir: state\n"
        "cameras: {door: {source: 0, classifier: {neutral_baseline: me.json}}}\n"
    )
    aged(tmp_path / "me.json", 1)
    record(tmp_path / "events.jsonl", 1)
    aged(tmp_path / "state" / "outbox-emotiond-a.sqlite", 1)
    note_image(aged(tmp_path / "faces" / "1.png", 1), tmp_path / "state")
    return path


def test_forget_lists_what_is_stored_and_deletes_it_only_when_told(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = ["events.jsonl", "state/outbox-emotiond-a.sqlite", "faces/1.png", "me.json"]
    assert main(["forget", "--config", str(config)]) == 2
    listed = capsys.readouterr()
    assert [(name in listed.out, (config.parent / name).exists()) for name in stored] == [
        (True, True)
    ] * 4
    assert "nothing was deleted" in listed.err
    assert main(["forget", "--config", str(config), "--yes"]) == 0
    assert [(config.parent / name).exists() for name in stored] == [False] * 4
    assert list((config.parent / "state" / "images").iterdir()) == []
    capsys.readouterr()
    assert main(["forget", "--config", str(config)]) == 0
    assert "no events and no images are stored" in capsys.readouterr().out


def test_a_calibration_is_audited_and_outlives_any_age_but_forget(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aged(tmp_path / "me.json", 10_000)
    text = "retention: {max_event_age_s: 3600, max_image_age_s: 3600}\n"
    config.write_text(config.read_text() + text)
    assert list(delete_expired(load_config(config), datetime.now(UTC))) == []
    assert (tmp_path / "me.json").exists()
    assert main(["audit", "--config", str(config)]) == 0
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "me.json" in one]
    assert "how the model errs of one person's face" in line
    assert "until `emotiond forget`" in line


def test_forget_deletes_a_file_behind_a_link_and_no_stream_of_the_process(
    config: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "elsewhere.jsonl"
    (tmp_path / "events.jsonl").rename(kept)
    (tmp_path / "events.jsonl").symlink_to(kept)
    streams = Path("/dev/stdout").is_symlink()
    config.write_text(
        "sinks: [{kind: jsonl, path: events.jsonl}, {kind: jsonl, path: /dev/stdout}]\n"
        "state_dir: state\n"
    )
    assert main(["forget", "--config", str(config), "--yes"]) == 0
    assert not kept.exists()
    assert Path("/dev/stdout").is_symlink() == streams


def test_a_state_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("state_dir: emotiond.yaml\n")
    for command in ("forget", "audit"):
        assert main([command, "--config", str(config)]) == 1
        assert "cannot be read: Not a directory; run this as its owner" in capsys.readouterr().err


def test_forget_deletes_nothing_while_a_daemon_uses_an_outbox(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = lock_private(config.parent / "state" / "outbox-emotiond-a.sqlite.lock")
    try:
        assert main(["forget", "--config", str(config), "--yes"]) == 1
    finally:
        os.close(lock)
    assert "stop it first" in capsys.readouterr().err
    assert (config.parent / "events.jsonl").exists()


def test_pruning_a_day_of_events_takes_a_second(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    record(path, 30)
    path.write_bytes(path.read_bytes() * 20_000)
    began = time.process_time()
    expire(tmp_path, max_event_age_s=10 * HOUR)
    assert path.read_bytes() == b""
    assert time.process_time() - began < 5
