"""Which file is which, by its content."""

import hashlib
from pathlib import Path

from edge.errors import ModelError


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises:
        ModelError: it cannot be read.
    """
    return digest(read(path))


def read(path: Path) -> bytes:
    """Return the content of a model's file.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
