"""File helpers: hashes, atomic writes, private files and their locks."""

import errno
import fcntl
import hashlib
import os
from pathlib import Path

from edge.errors import ModelError


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises:
        ModelError: it cannot be read.
    """
    return sha256_of(read(path))


def read(path: Path) -> bytes:
    """Return the content of a model's file.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


def atomic_write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: nobody reads half of it, and no half stays behind.

    It is on the disk before it takes the place of an older one, so that a power cut leaves one of
    the two.

    Raises:
        OSError: it cannot be written.
    """
    if path.is_dir():  # one without a name of its own, such as `.`, has no part beside it
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def open_private(path: Path) -> int:
    """Open a file, made if there is none, that only its owner may read; return its descriptor.

    Raises:
        OSError: it cannot be opened.
    """
    if path.exists() and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)


def lock_private(path: Path) -> int:
    """Open a private file and lock it until the descriptor is closed, or the process ends.

    Its folder is made if there is none, and outlives a power cut.

    Raises:
        BlockingIOError: another process has locked it.
        OSError: it cannot be opened.
    """
    _make_private_folder(path.parent)
    lock = open_private(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _make_private_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    parent = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(parent)  # so that its name is on disk as well
    finally:
        os.close(parent)
