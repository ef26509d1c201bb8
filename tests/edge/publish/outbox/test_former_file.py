"""What waits in a file named by the device alone goes to the sink that is opened first."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.errors import EmotiondError
from edge.paths import lock_private
from edge.publish.outbox import Outbox, OutboxSettings
from tests.edge.publish.outbox.outboxes import payloads

FORMER_SCHEMA = """
CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT, recorded REAL NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE clock (
    row INTEGER PRIMARY KEY, boot TEXT NOT NULL, epoch REAL NOT NULL, began REAL NOT NULL
);
"""


def leave_former(folder: Path, name: str, *waiting: bytes) -> Path:
    """Write a file as version 1.0 leaves it when it is killed: its events are in the log alone."""
    folder.mkdir(exist_ok=True)
    used = folder / "used.sqlite"
    with closing(sqlite3.connect(used, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(FORMER_SCHEMA)
        for payload in waiting:
            database.execute("INSERT INTO event (recorded, payload) VALUES (1e9, ?)", (payload,))
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{used}{suffix}", folder / f"{name}{suffix}")
    used.unlink()
    (folder / f"{name}.lock").touch()
    return folder / name


def waiting(folder: Path, name: str) -> list[bytes]:
    """Return what the outbox of that name holds at its start."""
    outbox = Outbox(folder / name, OutboxSettings(max_age_s=4e9))
    outbox.open()
    try:
        return payloads(outbox)
    finally:
        outbox.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_the_first_sink_takes_it_and_no_other_does(folder: Path) -> None:
    leave_former(folder, "outbox-emotiond-pi.sqlite", b"1", b"2")
    assert waiting(folder, "outbox-emotiond-pi@aaaaaaaa.sqlite") == [b"1", b"2"]
    assert waiting(folder, "outbox-emotiond-pi@bbbbbbbb.sqlite") == []
    assert waiting(folder, "outbox-emotiond-pi@aaaaaaaa.sqlite") == [b"1", b"2"]
    assert not list(folder.glob("outbox-emotiond-pi.sqlite*"))


def test_the_second_sink_takes_that_of_the_second(folder: Path) -> None:
    leave_former(folder, "outbox-emotiond-pi.sqlite", b"1")
    leave_former(folder, "outbox-emotiond-pi-2.sqlite", b"2")
    assert waiting(folder, "outbox-emotiond-pi@aaaaaaaa.sqlite") == [b"1"]
    assert waiting(folder, "outbox-emotiond-pi@bbbbbbbb.sqlite") == [b"2"]


def test_another_device_takes_nothing(folder: Path) -> None:
    leave_former(folder, "outbox-emotiond-pi.sqlite", b"1")
    assert waiting(folder, "outbox-emotiond-p@aaaaaaaa.sqlite") == []


def test_what_a_crash_left_half_renamed_is_completed(folder: Path) -> None:
    former = leave_former(folder, "outbox-emotiond-pi.sqlite", b"1")
    new = "outbox-emotiond-pi@aaaaaaaa.sqlite"
    Path(f"{former}-wal").rename(folder / f"{new}-wal")
    assert waiting(folder, new) == [b"1"]


def test_a_daemon_of_before_that_still_runs_keeps_it(folder: Path) -> None:
    former = leave_former(folder, "outbox-emotiond-pi.sqlite", b"1")
    held = lock_private(former.with_name(f"{former.name}.lock"))
    assert held
    with pytest.raises(EmotiondError, match="another emotiond uses this device's outbox"):
        waiting(folder, "outbox-emotiond-pi@aaaaaaaa.sqlite")
    assert former.exists()
