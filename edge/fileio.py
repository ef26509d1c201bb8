"""File helpers: hashes and atomic writes."""

import errno
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
