"""The folder of what outlives a restart."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge.doctor.result import CheckResult, Level

SUBJECT = "state folder"

SAMPLE = bytes(65_536)
"""What must fit: a file can be made on a full disk, and nothing be written into it."""

REMEDY = (
    "make room there, give it to this user, or set `state` to another; until then neither events "
    "that wait for the broker nor a pause outlive a restart"
)


def examine_state(folder: Path) -> Iterator[CheckResult]:
    """Say whether the outbox and a pause can be kept there. Nothing stays behind."""
    try:
        yield CheckResult(Level.OK, SUBJECT, f"{folder}: {_try(folder)}")
    except OSError as error:
        text = f"{folder}: cannot be written into: {error.strerror}"
        yield CheckResult(Level.WARNING, SUBJECT, text, REMEDY)


def _try(folder: Path) -> str:
    """Write into the folder, or see whether it could be made; say which.

    Raises:
        OSError: neither can be done.
    """
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if nearest == folder:
        _write_sample(folder)
        return "can be written into"
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"it is not there, and cannot be made in {nearest}")
    return "is not there yet, and can be made"


def _write_sample(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(SAMPLE)
        file.flush()
        os.fsync(file.fileno())
