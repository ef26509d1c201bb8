"""Outboxes for tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.publish.outbox import Outbox, OutboxSettings
from edge.publish.outbox_store import SystemClock
from tests.edge.publish.outbox.clocks import Times
from tests.edge.publish.outbox.outboxes import Opener


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the outbox lies; the last but one of its folders may become a disk of its own."""
    return tmp_path / "disk" / "state" / "outbox.db"


@pytest.fixture
def times() -> Times:
    """The clocks of the test."""
    return Times()


@pytest.fixture
def opened(path: Path, times: Times) -> Iterator[Opener]:
    """Open outboxes on the clock of the test; close them in the end."""
    all_opened = []

    def open_one(clock: SystemClock = times.clock, **bounds: float) -> Outbox:
        outbox = Outbox(path, OutboxSettings(**bounds), clock)  # type: ignore[arg-type]
        all_opened.append(outbox)
        outbox.open()
        return outbox

    yield open_one
    for outbox in all_opened:
        outbox.close()
