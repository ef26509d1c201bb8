"""What tests of the outbox look at, and what they do to its disk."""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.publish.outbox import Outbox

Opener = Callable[..., Outbox]

SECRET = b"somebody was happy"


def payloads(outbox: Outbox) -> list[bytes]:
    return [event.payload for event in outbox.pending(0, 100_000)]


def numbers(outbox: Outbox) -> list[int]:
    return [event.number for event in outbox.pending(0, 100_000)]


def ages(outbox: Outbox) -> list[float]:
    return [round(outbox.age(event), 3) for event in outbox.pending(0, 100_000)]


def levels(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in caplog.records]


def on_disk(path: Path) -> list[bytes]:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT payload FROM event ORDER BY number").fetchall()
    return [payload for (payload,) in rows]


@contextmanager
def mounted(folder: Path, *what: str) -> Iterator[Path]:
    """Lay a disk over `folder`."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk to spoil")
    folder.mkdir(parents=True, exist_ok=True)
    mount = subprocess.run(["mount", *what, folder], capture_output=True, check=False)
    if mount.returncode:
        pytest.skip("this machine lets nobody mount a disk to spoil")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def small_disk(size: str) -> list[str]:
    return ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on the disk of `folder`; return what to delete to have room again."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler
