"""These tests run by `make test-arm64` alone, where emulation is to be had."""

import os
from pathlib import Path

import pytest

from tests.arm64 import board

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all of these tests where nothing is to be emulated."""
    asked = "ARM64_BOARDS" in os.environ
    reason = board.obstacle() if asked else "boards are emulated by `make test-arm64` alone"
    if reason is not None:
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(pytest.mark.skip(reason=reason))
