"""Where the outbox's file lies, and whose it is."""

import fcntl
import os
import stat
from pathlib import Path


def hold(path: Path) -> int:
    """Claim the file at `path` for this process, making its folder; return what to close.

    The lock lies in a file beside it, and ends with the process, however that ends.

    Raises:
        BlockingIOError: another process has it.
        OSError: the disk refuses.
    """
    _make_folder(path.parent)
    flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC
    lock = os.open(path.with_name(f"{path.name}.lock"), flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def make_private(path: Path) -> None:
    """Make the file, if there is none, and let only its owner read it: events are personal.

    To be called before SQLite opens it: to close a file ends the locks that SQLite has on it.

    Raises:
        OSError: the disk refuses.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if stat.S_IMODE(os.fstat(file).st_mode) & 0o077:
            os.fchmod(file, 0o600)
    finally:
        os.close(file)


def _make_folder(folder: Path) -> None:
    """Make a folder that outlives a power cut: its name is on disk as well."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    parent = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
