"""The packages and images that `make test-packaging` built, which take minutes."""

import os
from pathlib import Path

import pytest

FOLDER = os.environ.get("PACKAGES")


def built(pattern: str) -> Path:
    """Return the newest built file of a name's pattern; skip where none was built."""
    if FOLDER is None:
        pytest.skip("packages and images are built and tried by `make test-packaging` alone")
    found = sorted(Path(FOLDER).glob(pattern), key=lambda path: path.stat().st_mtime)
    assert found, f"{FOLDER}/{pattern}: none was built"
    return found[-1]
