"""Files that a command was asked to write."""

from pathlib import Path

from edge.errors import EmotiondError
from edge.fileio import atomic_write


def write_output(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        EmotiondError: it cannot be written.
    """
    try:
        atomic_write(path, content)
    except OSError as error:
        raise EmotiondError(f"{path}: cannot be written: {error.strerror}") from error
